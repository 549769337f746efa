//! Two Pods of one service account on one node: one identity, and yet two clients.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::{peers, sockets};
use karez_lab::wait;
use karez_lab::wire::{Capture, Wire};
use karez_lab::{Mesh, Pod, Settings};

#[test]
fn two_replicas_of_one_identity_never_share_a_tunnel() -> Result<()> {
    let mut shop = Shop::open("replicas", &[(80, 8080)])?;
    let second = shop.mesh.enrolled_pod("n1", "shop/web-2", "web")?;
    shop.mesh.wait_in_sync()?;
    ensure!(second.identity() == shop.web.identity(), "they are to have one identity");
    let _echo = peers::peer(&shop.mesh, &shop.api, &["--echo", "8080"])?;

    let wire = Wire::tap(shop.mesh.network.switch(), "n1", shop.mesh.folder(), "tcp port 15008")?;
    // Turn and turn about: a pool that knows only the identity would give one the other's tunnel.
    let mut held = Vec::new();
    for pod in [&shop.web, &second].into_iter().cycle().take(32) {
        let stream = sockets::dial(pod.namespace(), format!("{VIP}:80"))?;
        sockets::echoes(&stream, "a drop")?;
        held.push(stream);
    }
    let capture = wire.finish()?;
    drop(held);

    let opened = tunnels(&capture)?;
    let clients: Vec<_> = opened.keys().cloned().collect();
    let replicas = BTreeSet::from([&shop.web, &second].map(|pod| pod.v4.to_string()));
    ensure!(replicas.iter().eq(&clients), "not by the replicas, each its own: {opened:?}");
    // Each worker keeps its own, and no more: the streams of one replica do share.
    let most = usize::from(Settings::default().workers);
    ensure!(opened.values().all(|ports| ports.len() <= most), "tunnels are not reused: {opened:?}");
    Ok(())
}

#[test]
fn the_tunnels_of_a_pod_that_leaves_are_closed_and_its_replicas_stay() -> Result<()> {
    let mut shop = Shop::open("replica-leaves", &[(80, 8080)])?;
    let second = shop.mesh.enrolled_pod("n1", "shop/web-2", "web")?;
    shop.mesh.wait_in_sync()?;
    let _echo = peers::peer(&shop.mesh, &shop.api, &["--echo", "8080"])?;
    let stays = sockets::dial(shop.web.namespace(), format!("{VIP}:80"))?;
    let leaves = sockets::dial(second.namespace(), format!("{VIP}:80"))?;
    sockets::echoes(&stays, "both are here")?;
    sockets::echoes(&leaves, "both are here")?;

    ensure!(open_tunnels(&shop.mesh, &second)? > 0 && open_tunnels(&shop.mesh, &shop.web)? > 0);
    shop.mesh.remove(&second)?;
    wait::until("its tunnels to be closed", Duration::from_secs(10), || {
        let open = open_tunnels(&shop.mesh, &second)?;
        ensure!(open == 0, "{open} are open");
        Ok(())
    })?;
    ensure!(open_tunnels(&shop.mesh, &shop.web)? > 0, "the tunnel of the one that stays is gone");
    sockets::echoes(&stays, "still here")
}

/// The TCP connections to 15008 that were opened: their ports by the address that opened them.
fn tunnels(capture: &Capture) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let first_packets = "tcp dst port 15008 and tcp[tcpflags] & (tcp-syn|tcp-ack) = tcp-syn";
    let mut tunnels = BTreeMap::<_, BTreeSet<_>>::new();
    for line in capture.lines(first_packets, &["-t"])? {
        let source = line.split_whitespace().nth(1).and_then(|source| source.rsplit_once('.'));
        let (address, port) = source.with_context(|| line.clone())?;
        tunnels.entry(address.to_owned()).or_default().insert(port.to_owned());
    }
    Ok(tunnels)
}

/// How many connections to 15008 there are from the Pod's address, whichever namespace holds the socket.
fn open_tunnels(mesh: &Mesh, pod: &Pod) -> Result<usize> {
    let node = mesh.node("n1")?;
    let filter = "( dport = :15008 )";
    let mut sockets = pod.namespace().run("ss", &["-Htn", "state", "established", filter])?;
    sockets += &node.host().namespace().run("ss", &["-Htn", "state", "established", filter])?;
    Ok(sockets.lines().filter(|line| line.contains(&format!("{}:", pod.v4))).count())
}
