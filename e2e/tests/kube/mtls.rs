//! What crosses between nodes, and what strict mode refuses.

use anyhow::{Result, ensure};

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
    let namespace = Namespace::create("cross")?;
    namespace.apply(&[
        workloads::server("web", "n2"),
        workloads::service("web"),
        workloads::client("client", "n1"),
    ])?;
    namespace.wait_ready()?;
    mesh::enrol(&namespace, &["web", "client"])?;

    let tunnel = format!("{}:15008", namespace.address("web")?);
    let service = format!("web.{}.svc.cluster.local", namespace.name());
    let answer = namespace.curl("client", "http://web")?;
    ensure!(answer == "web\n", "{answer:?}");
    mesh::wait_logged("the tunnel", |line| {
        line.text("direction") == "outbound"
            && line.text("dst.addr") == tunnel
            && line.text("dst.service") == service
            && line.text("dst.identity") == mesh::identity(&namespace)
    })?;
    Ok(())
}
