//! Who of the controllers writes.

use anyhow::{Context as _, Result, ensure};
use karez_lab::wait;
use serde_json::{Value, json};

use crate::kubectl::{get, kubectl, list};
use crate::namespace::{Namespace, PATIENCE};

const SYSTEM: &str = "--namespace=karez-system";
const LEASE: &str = "lease/karez-controller";
const THIEF: &str = "thief";

#[test]
fn nobody_writes_while_the_lease_is_stolen() -> Result<()> {
    let namespace = Namespace::create("lease")?;
    steal()?;
    namespace.apply(&[json!({
        "apiVersion": "karez.dev/v1alpha1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "nobody"},
        "spec": {"action": "Allow", "rules": []},
    })])?;
    let condition = wait::until("the policy to be judged", PATIENCE, || {
        let policy = namespace.get("authorizationpolicy/nobody")?;
        list(&policy, "/status/conditions").first().cloned().context("nobody has")
    })?;

    let lease = get(&[SYSTEM, LEASE])?;
    let text = |object: &Value, path: &str| {
        object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    ensure!(
        text(&lease, "/spec/holderIdentity") != THIEF,
        "it was judged by who had lost the lease: {condition}"
    );
    // Both are times of RFC 3339 in UTC; the condition's has whole seconds.
    let (acquired, judged) = (text(&lease, "/spec/acquireTime"), text(&condition, "/lastTransitionTime"));
    let (acquired, judged) = (acquired.get(..19), judged.get(..19));
    ensure!(acquired.is_some() && judged >= acquired, "judged at {judged:?}, and led since {acquired:?}");
    Ok(())
}

/// Takes the lease as another program would, and never renews it.
fn steal() -> Result<()> {
    let now = crate::program::run("date", &["--utc", "+%Y-%m-%dT%H:%M:%S.000000Z"], "")?;
    let stolen =
        json!({"spec": {"holderIdentity": THIEF, "acquireTime": now.trim(), "renewTime": now.trim()}});
    kubectl(&[SYSTEM, "patch", LEASE, "--type=merge", &format!("--patch={stolen}")]).map(drop)
}
