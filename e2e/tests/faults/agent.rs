//! An agent that is killed: the node proxy goes on with the sockets it has.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use karez_e2e::peers;
use karez_e2e::shop::VIP;
use karez_e2e::sockets::{dial, echoes};
use karez_lab::{Settings, wait};

use crate::{PORT, echo_shop, ensure_captured, ensure_served};

const GONE: Duration = Duration::from_secs(3);

#[test]
fn three_seconds_without_it_under_churn_cost_no_connection() -> Result<()> {
    let (mut shop, _server) = echo_shop("agent-killed", Settings::default())?;
    let to = format!("{VIP}:{PORT}");
    let live = dial(shop.web.namespace(), &to)?;
    let churn = peers::load(&shop.mesh, &shop.web, &["churn", &to, "--connections", "4", "--seconds", "8"])?;
    shop.mesh.agent("n1")?.take().context("no agent")?.kill()?;
    let begun = Instant::now();
    let mut trips = 0;
    while begun.elapsed() < GONE {
        echoes(&live, "what is open goes on")?;
        trips += 1;
    }
    ensure!(trips > 100, "only {trips} round trips on a connection that was open");
    shop.mesh.start_agent("n1")?;
    let figures = churn.finish(Duration::from_secs(30))?;
    ensure!(figures.errors == 0 && figures.units > 0, "{figures:?}");
    echoes(&live, "still there")?;
    ensure_served(&shop)?;
    wait::until("the restarted agent's Pods", Duration::from_secs(10), || ensure_captured(&shop.mesh))
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
