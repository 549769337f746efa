//! What the programs of the mesh may do in the cluster: no more than they need.

use anyhow::{Result, ensure};

use crate::kubectl::kubectl;

/// Verb, resource, and whether the account may do it everywhere.
const CONTROLLER: [(&str, &str, bool); 9] = [
    ("watch", "pods", true),
    ("watch", "endpointslices.discovery.k8s.io", true),
    ("patch", "authorizationpolicies.karez.dev/status", true),
    // Of a cluster with thousands of them it does not even hear.
    ("watch", "configmaps", false),
    ("watch", "secrets", false),
    ("create", "pods", false),
    ("create", "pods/exec", false),
    ("update", "authorizationpolicies.karez.dev", false),
    ("create", "clusterrolebindings.rbac.authorization.k8s.io", false),
];

#[test]
fn the_controller_may_read_what_the_mesh_is_made_of_and_nothing_else() -> Result<()> {
    for (verb, resource, expected) in CONTROLLER {
        ensure!(
            may("karez-controller", verb, resource)? == expected,
            "karez-controller: {verb} {resource} is not {expected}"
        );
    }
    let logs = kubectl(&[
        "--namespace=karez-system",
        "logs",
        "--selector=app.kubernetes.io/name=karez-controller",
        "--tail=-1",
    ])?;
    let refused: Vec<_> = logs.lines().filter(|line| line.contains("forbidden")).collect();
    ensure!(refused.is_empty(), "it asks for more than it may: {refused:?}");
    Ok(())
}

#[test]
fn agents_and_node_proxies_may_do_nothing() -> Result<()> {
    for account in ["karez-agent", "karez-node"] {
        for (verb, resource, _) in CONTROLLER {
            ensure!(!may(account, verb, resource)?, "{account} may {verb} {resource}");
        }
        ensure!(!may(account, "get", "secrets/karez-ca")?, "{account} may read the root's key");
    }
    Ok(())
}

fn may(account: &str, verb: &str, resource: &str) -> Result<bool> {
    let account = format!("--as=system:serviceaccount:karez-system:{account}");
    // Its exit status says the same, but is no error of ours.
    // Behind a slash `can-i` takes a name, and no subresource.
    let (resource, subresource) = match resource.split_once('/') {
        Some((resource, subresource @ ("status" | "exec"))) => {
            (resource, format!("--subresource={subresource}"))
        }
        _ => (resource, String::new()),
    };
    let script =
        format!("kubectl auth can-i {verb} {resource} {subresource} --all-namespaces {account} || true");
    Ok(crate::program::run("sh", &["-c", &script], "")?.trim() == "yes")
}
