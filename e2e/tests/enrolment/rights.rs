//! Pods in which the agent may not, or could not, do what it takes.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use karez_e2e::shop::Shop;

use crate::PORT;

/// A process in a user namespace of its own, and a network namespace that belongs to it.
struct Stranger(Child);

impl Stranger {
    fn start() -> Result<Self> {
        let mut child = Command::new("unshare")
            .args([
                "--user",
                "--map-root-user",
                "--net",
                "sh",
                "-c",
                "ip link set lo up && echo in && exec sleep 600",
            ])
            .stdout(Stdio::piped())
            .spawn()?;
        let said = child.stdout.take().context("no output")?;
        let stranger = Self(child);
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line)?;
        ensure!(line == "in\n", "it is not in a namespace of its own: {line}");
        Ok(stranger)
    }

    fn netns(&self) -> String {
        format!("/proc/{}/ns/net", self.0.id())
    }

    /// The nftables tables in it.
    fn tables(&self) -> Result<String> {
        let listed = Command::new("nsenter")
            .args([&*format!("--net={}", self.netns()), "nft", "list", "tables"])
            .output()?;
        ensure!(listed.status.success(), "{listed:?}");
        Ok(String::from_utf8(listed.stdout)?)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

#[test]
fn a_pod_with_users_of_its_own_is_captured() -> Result<()> {
    let stranger = Stranger::start()?;
    let shop = Shop::open("rights-users", &[(PORT, PORT)])?;
    let said = add(&shop, &stranger.netns())?;
    ensure!(stranger.tables()? == "table inet karez\n", "it is not captured: {said}");
    Ok(())
}

#[test]
fn a_pod_that_reserves_the_meshs_ports_is_refused_with_what_to_do() -> Result<()> {
    const START: &str = "net.ipv4.ip_unprivileged_port_start";
    let mut shop = Shop::open("rights-ports", &[(PORT, PORT)])?;
    let pod = shop.mesh.pod("n1", "shop/odd", "odd")?;
    let netns = pod.namespace().path().display().to_string();
    pod.namespace().sysctl(START, "15002")?;
    let said = add(&shop, &netns)?;
    ensure!(said.contains(START) && said.contains("15001"), "it does not say what to do: {said}");
    pod.namespace().sysctl(START, "15001")?;
    shop.mesh.enrol(&pod)
}

/// Enrols `shop/odd`, which no manifest has, and gives what the operator is told: it is refused, or not carried.
fn add(shop: &Shop, netns: &str) -> Result<String> {
    let socket = shop.mesh.agent_socket("n1").display().to_string();
    let (status, _, said) = shop.mesh.karez_status(&[
        "pod",
        "add",
        "shop/odd",
        "--netns",
        netns,
        "--ip",
        "10.64.0.99",
        "--agent",
        &socket,
    ])?;
    ensure!(status != Some(0), "{netns} was enrolled and is carried");
    Ok(said)
}
