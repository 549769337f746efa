//! Who a Pod is, when its account or its address was another's before.

use anyhow::{Context as _, Result, ensure};
use karez_lab::wait;

use crate::machine;
use crate::mesh;
use crate::namespace::{Namespace, PATIENCE};
use crate::workloads::{self, under};

#[test]
fn a_pod_at_an_address_that_was_another_s_proves_who_it_is() -> Result<()> {
    let namespace = Namespace::create("reused")?;
    for account in ["first", "second"] {
        namespace.kubectl(&["create", "serviceaccount", account])?;
    }
    namespace
        .apply(&[under("first", workloads::server("first", "n2")), workloads::client("client", "n1")])?;
    namespace.wait_ready()?;
    mesh::enrol(&namespace, &["first", "client"])?;
    let address = namespace.address("first")?;
    let url = format!("http://{address}");
    ensure!(namespace.curl("client", &url)? == "first\n");

    namespace.kubectl(&["delete", "pod", "first"])?;
    give_next("n2", &address)?;
    namespace.apply(&[under("second", workloads::server("second", "n2"))])?;
    namespace.wait_ready()?;
    ensure!(namespace.address("second")? == address, "the node gave it another address");
    let answer = namespace.curl("client", &url)?;
    ensure!(answer == "second\n", "{answer:?}");
    let identity = format!("spiffe://cluster.local/ns/{}/sa/second", namespace.name());
    mesh::wait_logged("the connection to its successor", |line| {
        line.text("direction") == "outbound" && line.text("dst.identity") == identity
    })?;
    Ok(())
}

#[test]
fn an_account_made_anew_under_its_name_serves_its_pods() -> Result<()> {
    let namespace = Namespace::create("account")?;
    namespace.kubectl(&["create", "serviceaccount", "web"])?;
    namespace.apply(&[under("web", workloads::server("web", "n2")), workloads::client("client", "n1")])?;
    namespace.wait_ready()?;
    mesh::enrol(&namespace, &["web", "client"])?;
    namespace.kubectl(&["delete", "serviceaccount", "web"])?;
    namespace.kubectl(&["create", "serviceaccount", "web"])?;
    // One that runs, and one that comes after it.
    namespace.apply(&[under("web", workloads::server("next", "n1"))])?;
    namespace.wait_ready()?;
    for pod in ["web", "next"] {
        let url = format!("http://{}", namespace.address(pod)?);
        let answer = namespace.curl("client", &url)?;
        ensure!(answer == format!("{pod}\n"), "{answer:?}");
    }
    Ok(())
}

/// Has the node give an address to the next Pod that starts there: it counts up from the one that it gave last.
fn give_next(node: &str, address: &str) -> Result<()> {
    const ADDRESSES: &str = "/run/cni-addresses/pods";
    // The Pod is gone from the API before its node has ended it.
    wait::until(&format!("{node} to have {address} back"), PATIENCE, || {
        machine::on_node(node, &format!("test ! -e {ADDRESSES}/{address}"))
    })?;
    let (network, last) = address.rsplit_once('.').context("no IPv4 address")?;
    let before = format!("{network}.{}", last.parse::<u8>()?.saturating_sub(1));
    machine::on_node(node, &format!("printf %s {before} >{ADDRESSES}/last_reserved_ip.0")).map(drop)
}
