//! What becomes of a policy that is edited wrongly.

use anyhow::{Context as _, Result, ensure};
use karez_lab::wait;
use serde_json::{Value, json};

use crate::kubectl::{get, kubectl, list};
use crate::mesh;
use crate::namespace::{Namespace, PATIENCE};

const SYSTEM: &str = "--namespace=karez-system";

#[test]
fn controllers_that_start_after_a_wrong_edit_serve_the_last_good_version() -> Result<()> {
    let namespace = mesh::shop("last-good")?;
    let own = json!([{"from": [{"source": {"namespaces": [namespace.name()]}}]}]);
    namespace.apply(&[policy(&json!({"action": "Allow", "rules": own}))])?;
    wait::until("the policy to be kept", PATIENCE, || {
        let policy = namespace.get("authorizationpolicy/own")?;
        let kept = policy.pointer("/status/lastGoodSpec").and_then(Value::as_str);
        ensure!(kept.is_some_and(|kept| kept.contains(namespace.name())), "{policy}");
        Ok(())
    })?;
    namespace.apply(&[policy(&json!({"acton": "Allow", "rules": own}))])?;
    wait_refused(&namespace)?;

    let before = controllers()?;
    kubectl(&[SYSTEM, "rollout", "restart", "deployment/karez-controller"])?;
    kubectl(&[SYSTEM, "rollout", "status", "deployment/karez-controller", "--timeout=120s"])?;
    wait::until("a new replica to lead", PATIENCE, || {
        let lease = get(&[SYSTEM, "lease/karez-controller"])?;
        let holder = lease.pointer("/spec/holderIdentity").and_then(Value::as_str).context("nobody leads")?;
        ensure!(!before.iter().any(|name| name == holder), "{holder} leads still");
        Ok(())
    })?;
    // The old leader's condition is there still: of another wrong edit only the new one can write.
    namespace.apply(&[policy(&json!({"acton": "Deny", "rules": own}))])?;
    wait_refused(&namespace)?;
    // A policy that nobody has seen good refuses all.
    ensure!(namespace.curl("far", "http://web")? == "web\n");
    Ok(())
}

fn policy(spec: &Value) -> Value {
    json!({
        "apiVersion": "karez.dev/v1alpha1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "own"},
        "spec": spec,
    })
}

/// Waits until the present edit is refused, and the last good version serves.
fn wait_refused(namespace: &Namespace) -> Result<()> {
    wait::until("the edit to be refused", PATIENCE, || {
        let policy = namespace.get("authorizationpolicy/own")?;
        let condition = list(&policy, "/status/conditions").first().context("no condition")?;
        let generation = policy.pointer("/metadata/generation").context("no generation")?;
        ensure!(condition.get("observedGeneration") == Some(generation), "{condition}");
        let text = |field: &str| condition.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        ensure!(text("status") == "False" && text("message").contains("last good version"), "{condition}");
        Ok(())
    })
}

/// Names of the controller's Pods.
fn controllers() -> Result<Vec<String>> {
    let pods = get(&[SYSTEM, "pods", "--selector=app.kubernetes.io/name=karez-controller"])?;
    let names = list(&pods, "/items").iter().filter_map(|pod| pod.pointer("/metadata/name")?.as_str());
    Ok(names.map(str::to_owned).collect())
}
