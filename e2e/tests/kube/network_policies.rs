//! NetworkPolicies beside the mesh, as a real engine enforces them.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::machine::PolicyEngine;
use crate::mesh;
use crate::namespace::Namespace;
use crate::workloads;

const TUNNEL: u16 = 15008;

#[test]
fn a_policy_admits_tunnels_by_their_port_and_still_says_from_whom() -> Result<()> {
    let _engine = PolicyEngine::start(&["n1", "n2"])?;
    let namespace = Namespace::create("policies")?;
    namespace.apply(&[
        workloads::server("web", "n2"),
        workloads::service("web"),
        workloads::client("client", "n1"),
        workloads::client("other", "n1"),
        admit_clients(&[80]),
    ])?;
    namespace.wait_ready()?;
    namespace.curl_refused("other", "http://web")?;
    namespace.curl("client", "http://web")?;

    mesh::enrol(&namespace, &["web", "client", "other"])?;
    namespace.curl_refused("client", "http://web")?;
    let named = format!("NetworkPolicy {}/web: admits nobody to TCP {TUNNEL}", namespace.name());
    let found = mesh::check()?;
    ensure!(found.contains(&named), "{found}");

    namespace.apply(&[admit_clients(&[80, TUNNEL])])?;
    namespace.curl("client", "http://web")?;
    namespace.curl_refused("other", "http://web")?;
    let found = mesh::check()?;
    ensure!(!found.contains(&named), "{found}");
    Ok(())
}

/// A policy that lets nobody but the client to the server, on these ports.
fn admit_clients(ports: &[u16]) -> Value {
    let ports: Vec<Value> = ports.iter().map(|port| json!({"protocol": "TCP", "port": port})).collect();
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "web"},
        "spec": {
            "podSelector": {"matchLabels": {"app": "web"}},
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "client"}}}], "ports": ports}],
        },
    })
}
