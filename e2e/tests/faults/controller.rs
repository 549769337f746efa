//! A controller that is killed: traffic does not notice.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::peers;
use karez_e2e::shop::VIP;
use karez_lab::Settings;

use crate::{PORT, echo_shop, ensure_served};

#[test]
fn without_it_traffic_goes_on_and_the_operator_is_told() -> Result<()> {
    let (mut shop, _server) = echo_shop("controller-killed", Settings::default())?;
    let to = format!("{VIP}:{PORT}");
    let lasting =
        peers::load(&shop.mesh, &shop.web, &["pingpong", &to, "--connections", "4", "--seconds", "6"])?;
    let brief = peers::load(&shop.mesh, &shop.web, &["churn", &to, "--connections", "2", "--seconds", "6"])?;
    shop.mesh.controller().take().context("no controller")?.kill()?;
    let (status, _, said) = shop.mesh.karez_status(&["status"])?;
    ensure!(!matches!(status, Some(0 | 1)), "karez status ended with {status:?} without a controller");
    ensure!(said.contains(&shop.mesh.controller_url()), "it does not say who is not reached: {said}");
    ensure_served(&shop)?;
    for load in [lasting, brief] {
        let figures = load.finish(Duration::from_secs(20))?;
        ensure!(figures.errors == 0 && figures.units > 0, "{figures:?}");
    }
    shop.mesh.start_controller()?;
    shop.mesh.wait_in_sync()?;
    ensure_served(&shop)
}
