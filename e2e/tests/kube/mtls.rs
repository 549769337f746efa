//! What crosses between nodes, and what strict mode refuses.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::kubectl::kubectl;
use crate::mesh;
use crate::namespace::Namespace;
use crate::workloads;

#[test]
fn strict_mode_refuses_plaintext_from_outside_and_serves_the_mesh() -> Result<()> {
    let inside = Namespace::create("strict")?;
    inside.apply(&[
        workloads::server("web", "n2"),
        workloads::service("web"),
        workloads::client("client", "n1"),
    ])?;
    let outside = Namespace::create("outside")?;
    outside.apply(&[workloads::client("client", "n1")])?;
    inside.wait_ready()?;
    outside.wait_ready()?;
    mesh::enrol(&inside, &["web", "client"])?;
    let url = format!("http://web.{}", inside.name());
    outside.curl("client", &url)?;

    kubectl(&["annotate", "namespace", inside.name(), "karez.dev/mtls=strict"])?;
    outside.curl_refused("client", &url)?;
    inside.curl("client", &url)?;
    let line = mesh::wait_logged("the refusal", |line| {
        line.text("dst.namespace") == inside.name() && line.text("error").contains("strict mTLS mode")
    })?;
    ensure!(line.text("src.identity").is_empty(), "a client of no identity had one: {line}");
    Ok(())
}

#[test]
fn a_request_to_a_service_crosses_to_the_other_node_in_a_tunnel() -> Result<()> {
    let namespace = mesh::shop("cross")?;
    let tunnel = format!("{}:15008", namespace.address("web")?);
    let service = format!("web.{}.svc.cluster.local", namespace.name());
    let answer = namespace.curl("far", "http://web")?;
    ensure!(answer == "web\n", "{answer:?}");
    mesh::wait_logged("the tunnel", |line| {
        line.text("direction") == "outbound"
            && line.text("dst.addr") == tunnel
            && line.text("dst.service") == service
            && line.text("dst.identity") == mesh::identity(&namespace)
    })?;
    Ok(())
}

#[test]
fn the_api_server_and_plaintext_reach_a_strict_pod_on_its_permissive_port_alone() -> Result<()> {
    let inside = Namespace::create("permissive")?;
    let mut hook = workloads::server("hook", "n2");
    hook["metadata"]["annotations"] = json!({"karez.dev/permissive-ports": "80"});
    inside.apply(&[
        hook,
        workloads::service("hook"),
        workloads::server("web", "n2"),
        workloads::service("web"),
        workloads::client("client", "n1"),
    ])?;
    let outside = Namespace::create("outsiders")?;
    outside.apply(&[workloads::client("client", "n1")])?;
    inside.wait_ready()?;
    outside.wait_ready()?;
    mesh::enrol(&inside, &["hook", "web", "client"])?;
    kubectl(&["annotate", "namespace", inside.name(), "karez.dev/mtls=strict"])?;

    let url = |name: &str| format!("http://{name}.{}", inside.name());
    outside.curl_refused("client", &url("web"))?;
    outside.curl("client", &url("hook"))?;
    // The API server calls Pods as it calls webhooks: in plaintext, from its own address.
    let proxied = |name: &str| {
        kubectl(&["get", "--raw", &format!("/api/v1/namespaces/{}/pods/{name}:80/proxy/", inside.name())])
    };
    ensure!(proxied("hook")? == "hook\n");
    ensure!(proxied("web").is_err(), "the API server reaches a strict Pod");

    inside.curl("client", &url("hook"))?;
    let address = format!("{}:80", inside.address("hook")?);
    mesh::wait_logged("the mesh's tunnel to the permissive port", |line| {
        line.text("dst.addr") == address && line.text("src.identity") == mesh::identity(&inside)
    })?;

    inside.kubectl(&["annotate", "pod", "hook", "karez.dev/permissive-ports-"])?;
    outside.curl_refused("client", &url("hook"))
}
