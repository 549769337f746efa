//! Capture that is installed again, changed under its owner, or met under odd circumstances.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use karez_capture::capture::{Integrity, Part, Settings, verify};
use karez_capture::original_destination;
use karez_capture::sockets::{Family, Listening};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use crate::lab::{Lab, both_ways};

#[test]
fn a_change_is_found_and_repaired() -> Result<()> {
    let lab = Lab::open("changed")?;
    let cases = [
        ("nft flush ruleset", Part::Rules),
        ("nft insert rule inet karez outbound accept", Part::Rules),
        ("ip rule del table 15008", Part::Routes),
        ("ip -6 route flush table 15008", Part::Routes),
        ("ip link add net1 type veth peer name net2", Part::Devices),
        ("echo 0 > /proc/sys/net/ipv4/tcp_fwmark_accept", Part::Sysctls),
    ];
    for (command, part) in cases {
        let installed = lab.install(&lab.settings())?;
        let found = verify(&lab.namespace()?, &installed)?;
        ensure!(found == Integrity::Intact, "before {command}: {found:?}");
        lab.pod.namespace().run("sh", &["-c", command])?;
        let found = verify(&lab.namespace()?, &installed)?;
        ensure!(found == Integrity::Changed(part), "after {command}: {found:?}");
    }
    let installed = lab.install(&lab.settings())?;
    lab.pod.namespace().run("nft", &["add table inet others"])?;
    ensure!(verify(&lab.namespace()?, &installed)? == Integrity::Intact, "rules of others");
    lab.install(&Settings { close_older: true, ..lab.settings() })?;
    ensure!(verify(&lab.namespace()?, &installed)? == Integrity::Changed(Part::Rules), "other settings");
    Ok(())
}

#[test]
fn captured_connections_outlive_flushed_rules_and_their_repair() -> Result<()> {
    let lab = Lab::captured("flushed")?;
    let strict = Settings { close_older: true, ..lab.settings() };
    lab.install(&strict)?;
    let outbound = lab.proxy(Listening::Outbound, Family::V4)?;
    let hbone = lab.proxy(Listening::Hbone, Family::V4)?;
    let captured = (lab.dial_from_pod((lab.outside_ip(Family::V4), 8080).into())?, outbound.accept()?);
    let tunnel = (lab.dial_from_outside((lab.pod_ip(Family::V4), 15008).into())?, hbone.accept()?);
    lab.pod.namespace().run("nft", &["flush", "ruleset"])?;
    lab.install(&strict)?;
    both_ways(&captured.0, &captured.1, "captured")?;
    both_ways(&tunnel.0, &tunnel.1, "tunnel")
}

#[test]
fn replacing_the_rules_under_load_loses_and_leaks_nothing() -> Result<()> {
    const TOTAL: usize = 64 << 20;
    let lab = Lab::captured("replaced")?;
    let outbound = lab.proxy(Listening::Outbound, Family::V4)?;
    let sender = lab.dial_from_pod((lab.outside_ip(Family::V4), 8080).into())?;
    let receiver = outbound.accept()?;
    let wire = lab.wire()?;
    std::thread::scope(|scope| -> Result<()> {
        let sending = scope.spawn(move || (&sender).write_all(&vec![7; TOTAL]));
        let receiving = scope.spawn(move || -> std::io::Result<usize> {
            let (mut buffer, mut total) = (vec![0; 64 << 10], 0);
            loop {
                match (&receiver).read(&mut buffer)? {
                    0 => return Ok(total),
                    length => total += length,
                }
            }
        });
        let mut replaced = 0;
        while !sending.is_finished() || replaced < 10 {
            let close_older = replaced % 2 == 0;
            lab.install(&Settings { close_older, ..lab.settings() })?;
            replaced += 1;
        }
        sending.join().ok().context("the sender panicked")??;
        let total = receiving.join().ok().context("the receiver panicked")??;
        ensure!(total == TOTAL, "{total} of {TOTAL} bytes arrived");
        Ok(())
    })?;
    ensure!(wire.finish()?.count("tcp port 8080")? == 0, "a segment left the Pod");
    Ok(())
}

#[test]
fn a_read_only_proc_is_mounted_anew_for_the_work_alone() -> Result<()> {
    let lab = Lab::open("read-only")?;
    let path = "/proc/sys/net/ipv4/tcp_fwmark_accept";
    std::thread::scope(|scope| {
        let as_in_a_container = scope.spawn(|| -> Result<()> {
            const NOTHING: Option<&str> = None;
            unshare(CloneFlags::CLONE_NEWNS)?;
            mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING)?;
            let bind = MsFlags::MS_BIND;
            mount(Some("/proc/sys"), "/proc/sys", NOTHING, bind, NOTHING)?;
            mount(NOTHING, "/proc/sys", NOTHING, bind | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, NOTHING)?;
            ensure!(std::fs::write(path, "0").is_err(), "the test itself is at fault: it is writable");
            lab.install(&lab.settings())?;
            ensure!(std::fs::write(path, "0").is_err(), "it stays writable");
            Ok(())
        });
        as_in_a_container.join().ok().context("the thread panicked")?
    })?;
    ensure!(lab.pod.namespace().run("cat", &[path])?.trim() == "1");
    Ok(())
}

#[test]
fn listeners_can_be_opened_again_beside_what_a_killed_proxy_left() -> Result<()> {
    let lab = Lab::captured("reopened")?;
    let open = |family| lab.proxy(Listening::Outbound, family);
    let destination = |family| SocketAddr::new(lab.outside_ip(family), 8080);
    let mut left = Vec::new();
    for families in [[Family::V4, Family::V6], [Family::V6, Family::V4]] {
        let proxies = [open(families[0])?, open(families[1])?];
        for (proxy, family) in proxies.iter().zip(families) {
            // Of each family one whose end the proxy has closed, and one that lives on in another process.
            let applications =
                [lab.dial_from_pod(destination(family))?, lab.dial_from_pod(destination(family))?];
            drop(proxy.accept()?);
            let captured = proxy.accept()?;
            ensure!(original_destination(&captured) == Some(destination(family)));
            left.push((applications, captured));
        }
    }
    Ok(())
}
