//! An agent that is killed: the node proxy goes on with the sockets it has.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use karez_e2e::peers;
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::sockets::{dial, echoes};
use karez_lab::{Mesh, Process, Settings, wait};

use crate::wire::{ensure_nothing_in_the_clear, tap};
use crate::{PORT, echo_shop, ensure_all_is_well, ensure_served, is_silent};

const GONE: Duration = Duration::from_secs(3);
const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn three_seconds_without_the_clients_under_churn_cost_no_connection() -> Result<()> {
    three_seconds_without("n1")
}

#[test]
fn three_seconds_without_the_servers_under_churn_cost_no_connection() -> Result<()> {
    three_seconds_without("n2")
}

fn three_seconds_without(node: &str) -> Result<()> {
    let (mut shop, _server) = echo_shop(&format!("agent-killed-{node}"), Settings::default())?;
    let to = format!("{VIP}:{PORT}");
    let live = dial(shop.web.namespace(), &to)?;
    let mut churn =
        peers::load(&shop.mesh, &shop.web, &["churn", &to, "--connections", "4", "--seconds", "8"])?;
    shop.mesh.agent(node)?.take().context("no agent")?.kill()?;
    let begun = Instant::now();
    let mut trips = 0;
    while begun.elapsed() < GONE {
        echoes(&live, "what is open goes on")?;
        trips += 1;
    }
    ensure!(trips > 100, "only {trips} round trips on a connection that was open");
    churn.ensure_running().context("nothing was new while it was gone")?;
    shop.mesh.start_agent(node)?;
    let figures = churn.finish(Duration::from_secs(30))?;
    ensure!(figures.errors == 0 && figures.units > 0, "{figures:?}");
    echoes(&live, "still there")?;
    ensure_served(&shop)?;
    wait::until("the restarted agent's Pods", LIMIT, || ensure_all_is_well(&shop.mesh))
}

#[test]
fn the_operator_is_told_that_it_is_gone() -> Result<()> {
    let (mut shop, _server) = echo_shop("agent-gone", Settings::default())?;
    wait::until("all to be well", LIMIT, || ensure_all_is_well(&shop.mesh))?;
    shop.mesh.agent("n1")?.take().context("no agent")?.kill()?;
    wait::until("karez status to say so", LIMIT, || {
        let (status, said, _) = shop.mesh.karez_status(&["status"])?;
        ensure!(
            status == Some(1) && said.contains("node n1: karez-agent is not connected"),
            "{status:?}: {said}"
        );
        Ok(())
    })?;
    shop.mesh.start_agent("n1")?;
    wait::until("all to be well again", LIMIT, || ensure_all_is_well(&shop.mesh))
}

#[test]
fn without_it_the_node_proxy_is_not_ready() -> Result<()> {
    let (mut shop, _server) = echo_shop("agent-readiness", Settings::default())?;
    let readiness = |shop: &Shop| {
        let url = "http://127.0.0.1:15021/healthz/ready";
        shop.mesh.node("n1")?.host().namespace().run("curl", &["-sS", "-m", "2", url])
    };
    ensure!(readiness(&shop)? == "ready\n", "{}", readiness(&shop)?);
    shop.mesh.agent("n1")?.take().context("no agent")?.kill()?;
    wait::until("readiness to be withdrawn", LIMIT, || {
        let said = readiness(&shop)?;
        ensure!(said == "not ready: awaiting pods from the agent\n", "{said}");
        Ok(())
    })?;
    ensure_served(&shop).context("what is enrolled is carried on")?;
    shop.mesh.start_agent("n1")?;
    shop.mesh.wait_ready("n1")
}

#[test]
fn with_the_node_proxy_killed_too_nothing_leaves_and_both_find_back() -> Result<()> {
    let (mut shop, _server) = echo_shop("agent-and-node-killed", Settings::default())?;
    let wire = tap(&shop.mesh)?;
    for [first, second] in [[Program::Agent, Program::NodeProxy], [Program::NodeProxy, Program::Agent]] {
        for program in [&first, &second] {
            program.of(&mut shop.mesh)?.take().context("it does not run")?.kill()?;
        }
        for address in shop.addresses(PORT) {
            let dialled = dial(shop.web.namespace(), &address).and_then(|new| is_silent(&new));
            ensure!(!matches!(dialled, Ok(false)), "{address} was reached past the mesh");
        }
        for program in [first, second] {
            program.start(&mut shop.mesh)?;
        }
        shop.mesh.wait_ready("n1")?;
        wait::until("all to be well", LIMIT, || ensure_all_is_well(&shop.mesh))?;
        ensure_served(&shop)?;
    }
    ensure_nothing_in_the_clear(wire)
}

/// What runs on the client's node.
enum Program {
    Agent,
    NodeProxy,
}

impl Program {
    fn of<'a>(&self, mesh: &'a mut Mesh) -> Result<&'a mut Option<Process>> {
        match self {
            Self::Agent => mesh.agent("n1"),
            Self::NodeProxy => mesh.proxy("n1"),
        }
    }

    fn start(&self, mesh: &mut Mesh) -> Result<()> {
        match self {
            Self::Agent => mesh.start_agent("n1"),
            Self::NodeProxy => mesh.start_node("n1"),
        }
    }
}

#[test]
fn a_restarted_one_can_still_take_its_pods_out() -> Result<()> {
    let (mut shop, _server) = echo_shop("agent-restarted", Settings::default())?;
    for node in ["n1", "n2"] {
        shop.mesh.agent(node)?.take().context("no agent")?.terminate(Duration::from_secs(10))?;
        shop.mesh.start_agent(node)?;
    }
    ensure_served(&shop)?;
    shop.mesh.remove(&shop.web)?;
    let rules = shop.web.namespace().run("nft", &["list", "ruleset"])?;
    ensure!(rules.trim().is_empty(), "rules were left: {rules}");
    Ok(())
}
