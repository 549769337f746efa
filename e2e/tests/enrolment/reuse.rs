//! An address that goes from one identity to another.

use std::time::Duration;

use anyhow::{Result, ensure};
use karez_e2e::shop::Shop;
use karez_e2e::sockets::{dial, echoes, is_admitted};
use karez_e2e::{access_log, dump, peers};
use karez_lab::{Mesh, Pod, wait};
use serde_json::json;

use crate::{PORT, SYN, pod_addresses, tap, wait_captured};

/// Takes `shop/one` away and gives its addresses to `shop/two`, which every node knows when it returns.
fn replace(mesh: &Mesh, one: Pod) -> Result<Pod> {
    mesh.remove(&one)?;
    mesh.manifests.remove_pod(&one)?;
    let (node, addresses) = (one.node.clone(), one.addresses());
    let [.., number] = one.v4.octets();
    drop(one);
    // The old Pod's namespace goes once nobody holds a socket of it any more, and its link with it.
    let link = format!("p{number}");
    let host = mesh.node(&node)?.host().namespace();
    wait::until("the old Pod's namespace to go", Duration::from_secs(20), || {
        let found = host.output("ip", &["link", "show", &link])?;
        ensure!(!found.status.success(), "its link is still there: somebody holds the namespace");
        Ok(())
    })?;
    let two = mesh.node(&node)?.pod_at(mesh.folder(), number, "shop", "two", "two")?;
    ensure!(two.addresses() == addresses);
    mesh.manifests.pod(&two)?;
    mesh.enrol(&two)?;
    wait_captured(mesh, &two)?;
    for node in ["n1", "n2"] {
        dump::wait_for_pod(mesh, node, &two)?;
    }
    Ok(two)
}

#[test]
fn who_dials_it_reaches_the_new_one_as_the_new_one() -> Result<()> {
    let mut shop = Shop::open("reuse", &[(PORT, PORT)])?;
    let one = shop.mesh.enrolled_pod("n2", "shop/one", "one")?;
    dump::wait_for_pod(&shop.mesh, "n1", &one)?;
    let server = peers::peer(&shop.mesh, &one, &["--echo", &PORT.to_string()])?;
    // They end, and leave tunnels to the old Pod in the pool.
    for to in pod_addresses(&one) {
        echoes(&dial(shop.web.namespace(), to)?, "one")?;
    }
    drop(server);
    let two = replace(&shop.mesh, one)?;

    let _server = peers::peer(&shop.mesh, &two, &["--echo", &PORT.to_string()])?;
    let wire = tap(&shop)?;
    for to in pod_addresses(&two) {
        echoes(&dial(shop.web.namespace(), to)?, "two")?;
    }
    let tunnels = wire.finish()?.lines(&format!("{SYN} and dst port 15008"), &[])?;
    ensure!(tunnels.len() >= 2, "there is no new tunnel for each address: {tunnels:#?}");
    for node in ["n1", "n2"] {
        let line = access_log::wait_for(&shop.mesh, node, "a connection to the new Pod", |line| {
            line.text("dst.workload") == "two" && !line.is_failure()
        })?;
        ensure!(line.text("dst.identity") == two.identity(), "{line}");
    }
    Ok(())
}

#[test]
fn who_has_it_now_is_not_let_in_as_who_had_it_before() -> Result<()> {
    let mut shop = Shop::open("reuse-source", &[(PORT, PORT)])?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", &PORT.to_string()])?;
    let one = shop.mesh.enrolled_pod("n1", "shop/one", "one")?;
    wait_captured(&shop.mesh, &one)?;
    let only_one =
        json!({"action": "Allow", "rules": [{"from": [{"source": {"serviceAccounts": ["shop/one"]}}]}]});
    shop.mesh.manifests.policy("shop", "only-one", &only_one)?;
    dump::wait_for_policies(&shop.mesh, "n2", &["shop/only-one"])?;
    for to in shop.addresses(PORT) {
        ensure!(is_admitted(one.namespace(), &to)?, "{to} does not admit whom it should");
    }
    let two = replace(&shop.mesh, one)?;
    for to in shop.addresses(PORT) {
        ensure!(!is_admitted(two.namespace(), &to)?, "{to} admits another by the address");
    }
    let line =
        access_log::wait_for(&shop.mesh, "n2", "the refusal", |line| line.text("response_flags") == "DENY")?;
    ensure!(line.text("src.identity") == two.identity(), "{line}");
    Ok(())
}
