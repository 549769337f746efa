//! The cluster itself, before any mesh: what fails here is no fault of Karez.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::kubectl::{get, list};
use crate::namespace::Namespace;
use crate::workloads;

#[test]
fn both_nodes_are_ready_and_have_a_range_of_addresses() -> Result<()> {
    let nodes = get(&["nodes"])?;
    let nodes = list(&nodes, "/items");
    ensure!(nodes.len() == 2, "{} nodes", nodes.len());
    for node in nodes {
        ensure!(is_ready(node), "not ready: {node}");
        ensure!(node.pointer("/spec/podCIDR").is_some(), "no podCIDR: {node}");
    }
    Ok(())
}

fn is_ready(node: &Value) -> bool {
    let ready = json!({"type": "Ready", "status": "True"});
    list(node, "/status/conditions")
        .iter()
        .any(|condition| ["type", "status"].iter().all(|field| condition.get(field) == ready.get(field)))
}

#[test]
fn pods_reach_pods_of_the_other_node_by_address_and_by_name() -> Result<()> {
    let namespace = Namespace::create("reach")?;
    namespace.apply(&[
        workloads::server("web", "n2"),
        workloads::service("web"),
        workloads::client("near", "n2"),
        workloads::client("far", "n1"),
    ])?;
    namespace.wait_ready()?;

    let address = namespace.address("web")?;
    let qualified = format!("http://web.{}.svc.cluster.local", namespace.name());
    for client in ["near", "far"] {
        for url in [&*format!("http://{address}"), "http://web", &qualified] {
            let answer = namespace.curl(client, url)?;
            ensure!(answer == "web\n", "{client} asked {url} and was told {answer:?}");
        }
    }
    Ok(())
}

#[test]
fn a_pod_is_given_a_token_for_an_audience() -> Result<()> {
    let namespace = Namespace::create("token")?;
    let mut client = workloads::client("client", "n1");
    client["spec"]["volumes"] = json!([
        {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"audience": "karez", "path": "token"}}]}}
    ]);
    client["spec"]["containers"][0]["volumeMounts"] =
        json!([{"name": "token", "mountPath": "/run/karez-token"}]);
    namespace.apply(&[client])?;
    namespace.wait_ready()?;

    let token = namespace.exec("client", &["cat", "/run/karez-token/token"])?;
    ensure!(token.split('.').count() == 3, "{token:?} is no JSON web token");
    Ok(())
}
