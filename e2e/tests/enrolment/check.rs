//! `karez check`: which Pods' processes could pass by the mesh.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::shop::Shop;
use karez_lab::{Mesh, Pod, Process, wait};
use serde_json::Value;

use crate::PORT;

const UID: u32 = 4242;

#[test]
fn check_names_a_process_with_raw_sockets_until_it_ends_and_no_other() -> Result<()> {
    let mut shop = Shop::open("check", &[(PORT, PORT)])?;
    let plain = shop.mesh.enrolled_pod("n1", "shop/plain", "plain")?;
    let _harmless = [
        application(&shop.mesh, &plain, "none", &[])?,
        // All capabilities, over a user namespace to which the Pod's network does not belong.
        application(&shop.mesh, &plain, "users", &["unshare", "--user", "--map-root-user"])?,
    ];
    ensure!(check(&shop)? == (Some(0), Vec::new()), "{:?}", check(&shop)?);

    let raw = start(&shop.mesh, &shop.web, "raw", &["setpriv", "--bounding-set=-all,+net_raw"])?;
    let (status, findings) = check(&shop)?;
    let named = format!("Pod shop/web: sleep (pid {}) has NET_RAW", raw.pid());
    ensure!(status == Some(1), "exit status {status:?}: {findings:?}");
    ensure!(matches!(&findings[..], [one] if one.starts_with(&named)), "{findings:?}");

    raw.kill()?;
    ensure!(check(&shop)? == (Some(0), Vec::new()), "{:?}", check(&shop)?);
    Ok(())
}

/// A process of a Pod without any capability, behind some words more.
fn application(mesh: &Mesh, pod: &Pod, name: &str, words: &[&str]) -> Result<Process> {
    let unprivileged = mesh.privilege().unprivileged(UID);
    let words: Vec<_> = unprivileged.iter().map(String::as_str).chain(words.iter().copied()).collect();
    start(mesh, pod, name, &words)
}

/// Starts a process and waits until the words before it have done their work.
fn start(mesh: &Mesh, pod: &Pod, name: &str, words: &[&str]) -> Result<Process> {
    let (program, arguments) = words.split_first().context("no program")?;
    let mut command = pod.namespace().command(program);
    command.args(arguments).args(["sleep", "600"]);
    let process = Process::start(&format!("application-{name}"), mesh.folder(), command)?;
    wait::until("the application to run", Duration::from_secs(10), || {
        let command = fs::read_to_string(format!("/proc/{}/comm", process.pid()))?;
        ensure!(command == "sleep\n", "it is {command:?}");
        Ok(())
    })?;
    Ok(process)
}

/// Exit status and findings of `karez check` on `n1`.
fn check(shop: &Shop) -> Result<(Option<i32>, Vec<String>)> {
    let socket = shop.mesh.agent_socket("n1").display().to_string();
    let (status, said, error) = shop.mesh.karez_status(&["check", "--output", "json", "--agent", &socket])?;
    let said: Value = serde_json::from_str(&said).with_context(|| format!("it printed {said:?}: {error}"))?;
    let findings = serde_json::from_value(said.get("findings").cloned().unwrap_or_default())?;
    Ok((status, findings))
}
