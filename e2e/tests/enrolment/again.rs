//! What is asked for again.

use anyhow::{Context as _, Result, ensure};
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::sockets::{dial, echoes};
use karez_e2e::{access_log, peers};
use karez_lab::Pod;

use crate::{PORT, SECRET, ensure_cut_when_used, tap};

/// Everything that an enrolment makes, by what tells the same thing from another one like it: handles of rules, inodes of sockets.
fn made(pod: &Pod) -> Result<String> {
    let script =
        "nft -a list ruleset; ip rule; ip -6 rule; ss -Hltune | tr -s ' ' | cut -d ' ' -f 1,5- | sort";
    pod.namespace().run("sh", &["-c", script])
}

#[test]
fn a_pod_that_is_enrolled_again_stays_as_it_is() -> Result<()> {
    let shop = Shop::open("again", &[(PORT, PORT)])?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", &PORT.to_string()])?;
    let live = dial(shop.web.namespace(), format!("{VIP}:{PORT}"))?;
    echoes(&live, "before")?;
    let before = [made(&shop.web)?, made(&shop.api)?];
    ensure!(before.iter().all(|made| made.contains("table inet karez { # handle")), "{before:?}");
    for pod in [&shop.web, &shop.api, &shop.web, &shop.api] {
        shop.mesh.enrol(pod)?;
        echoes(&live, "goes on")?;
    }
    let after = [made(&shop.web)?, made(&shop.api)?];
    ensure!(after == before, "{before:#?} became {after:#?}");
    Ok(())
}

#[test]
fn in_other_words_it_is_the_same() -> Result<()> {
    let shop = Shop::open("again-in-other-words", &[(PORT, PORT)])?;
    let server = peers::peer(&shop.mesh, &shop.api, &["--echo", &PORT.to_string()])?;
    let live = dial(shop.web.namespace(), format!("{VIP}:{PORT}"))?;
    echoes(&live, "before")?;
    let before = made(&shop.api)?;
    let path = shop.api.namespace().path().display().to_string();
    let from_here =
        "../".repeat(std::env::current_dir()?.components().count() - 1) + path.trim_start_matches('/');
    let of_a_process = format!("/proc/{}/ns/net", server.pid());
    let [v4, v6] = shop.api.addresses().map(|address| address.to_string());
    let socket = shop.mesh.agent_socket("n2").display().to_string();
    for (netns, addresses) in [
        (&of_a_process, vec![]),
        (&path, vec!["--ip", &v6, "--ip", &v4]),
        (&path, vec!["--ip", &v4, "--ip", &v6, "--ip", &v4]),
        (&from_here, vec![]),
    ] {
        let pod =
            ["pod", "add", "shop/api", "--service-account", "api", "--agent", &socket, "--netns", netns];
        let said = shop.mesh.karez(&[&pod[..], &addresses].concat())?;
        ensure!(
            said.starts_with("shop/api is captured; carried by karez-node"),
            "{netns} {addresses:?}: {said}"
        );
        echoes(&live, "goes on")?;
        ensure!(made(&shop.api)? == before, "{netns} {addresses:?}");
    }
    Ok(())
}

#[test]
fn as_another_account_it_ends_what_it_had_open_and_nothing_else() -> Result<()> {
    let mut shop = Shop::open("again-another", &[(PORT, PORT)])?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", &PORT.to_string()])?;
    let other = shop.mesh.enrolled_pod("n1", "shop/other", "other")?;
    let to = format!("{VIP}:{PORT}");
    let (old, others) = (dial(shop.web.namespace(), &to)?, dial(other.namespace(), &to)?);
    for live in [&old, &others] {
        echoes(live, SECRET)?;
    }
    let before = made(&shop.web)?;
    let wire = tap(&shop)?;
    shop.web.service_account = "promoted".to_owned();
    shop.mesh.manifests.pod(&shop.web)?;
    let socket = shop.mesh.agent_socket("n1").display().to_string();
    let netns = shop.web.namespace().path().display().to_string();
    let add =
        ["pod", "add", "shop/web", "--service-account", "promoted", "--agent", &socket, "--netns", &netns];
    let said = shop.mesh.karez(&add)?;
    let (change, state) = said.split_once('\n').context("one line")?;
    ensure!(change.starts_with("shop/web: its service account was web and is promoted"), "{said}");
    ensure!(state.starts_with("shop/web is captured; carried by karez-node"), "{said}");

    ensure_cut_when_used(&old)?;
    echoes(&dial(shop.web.namespace(), &to)?, SECRET)?;
    echoes(&others, SECRET)?;
    ensure!(made(&shop.web)? == before, "its rules or listeners were made anew");
    for account in ["web", "promoted"] {
        access_log::wait_for(&shop.mesh, "n2", account, |line| {
            line.text("src.identity") == format!("spiffe://cluster.local/ns/shop/sa/{account}")
        })?;
    }
    ensure!(!wire.finish()?.contains(SECRET.as_bytes()), "its bytes left in the clear");
    Ok(())
}

#[test]
fn a_pod_is_removed_once() -> Result<()> {
    let shop = Shop::open("again-removed", &[(PORT, PORT)])?;
    shop.mesh.remove(&shop.web)?;
    let socket = shop.mesh.agent_socket("n1").display().to_string();
    for pod in ["shop/web", "shop/nobody"] {
        let (status, _, said) = shop.mesh.karez_status(&["pod", "remove", pod, "--agent", &socket])?;
        ensure!(status == Some(1), "{pod}: exit {status:?}");
        ensure!(said.contains(&format!("{pod} is not enrolled")), "{pod}: {said}");
    }
    shop.mesh.enrol(&shop.web)
}
