//! A controller that is killed: traffic does not notice.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::shop::VIP;
use karez_e2e::sockets::{dial, echoes, ensure_reset, is_admitted};
use karez_e2e::{dump, peers};
use karez_lab::Settings;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use serde_json::json;

use crate::wire::{ensure_nothing_in_the_clear, tap};
use crate::{PORT, echo_shop, ensure_answered, ensure_served, is_silent};

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

#[test]
fn a_pod_enrolled_without_it_sends_nothing_until_it_is_back() -> Result<()> {
    let (mut shop, _server) = echo_shop("controller-late-pod", Settings::default())?;
    let wire = tap(&shop.mesh)?;
    shop.mesh.controller().take().context("no controller")?.kill()?;
    let late = shop.mesh.pod("n1", "shop/late", "late")?;
    let said = shop.mesh.enrol(&late).err().context("it is carried without a certificate")?.to_string();
    ensure!(said.contains("shop/late is captured") && said.contains("its connections wait"), "{said}");
    let waiting = dial(late.namespace(), format!("{VIP}:{PORT}"))?;
    ensure!(is_silent(&waiting)?, "a Pod without a certificate was carried");
    ensure_served(&shop)?;
    shop.mesh.start_controller()?;
    ensure_answered(&waiting)?;
    ensure_nothing_in_the_clear(wire)
}

#[test]
fn a_policy_written_without_it_holds_once_it_is_back_for_old_connections_too() -> Result<()> {
    let (mut shop, _server) = echo_shop("controller-late-policy", Settings::default())?;
    let to = format!("{VIP}:{PORT}");
    let live = dial(shop.web.namespace(), &to)?;
    shop.mesh.controller().take().context("no controller")?.kill()?;
    let nobody = json!({"action": "Deny", "rules": [{"from": [{"source": {"principals": ["*"]}}]}]});
    shop.mesh.manifests.policy("shop", "nobody", &nobody)?;
    ensure_served(&shop)?;
    echoes(&live, "the last known state")?;
    shop.mesh.start_controller()?;
    dump::wait_for_policies(&shop.mesh, "n2", &["shop/nobody"])?;
    ensure_reset(&live)?;
    ensure!(!is_admitted(shop.web.namespace(), &to)?, "the policy does not hold");
    Ok(())
}

/// A disk that has errors becomes read-only under whoever uses it.
#[test]
fn one_that_finds_its_state_read_only_serves_by_it_and_says_that_it_can_keep_nothing() -> Result<()> {
    let (mut shop, _server) = echo_shop("controller-read-only", Settings::default())?;
    shop.mesh.controller().take().context("no controller")?.kill()?;
    let state = ReadOnly::mount(&shop.mesh.folder().join("controller"))?;
    shop.mesh.start_controller()?;
    shop.mesh.wait_in_sync()?;
    let late = shop.mesh.enrolled_pod("n1", "shop/late", "late")?;
    echoes(&dial(late.namespace(), format!("{VIP}:{PORT}"))?, "by a certificate of the same root")?;
    ensure_served(&shop)?;
    let refused = shop.mesh.karez(&["ca", "rotate"]).err().context("a root was made that nobody keeps")?;
    ensure!(refused.to_string().contains("Read-only file system"), "{refused}");
    drop(state);
    Ok(())
}

/// A folder that nobody can write to; writable again when dropped.
struct ReadOnly(PathBuf);

impl ReadOnly {
    fn mount(folder: &Path) -> Result<Self> {
        mount(Some(folder), folder, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
        let mounted = Self(folder.to_owned());
        let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(None::<&str>, folder, None::<&str>, flags, None::<&str>)?;
        Ok(mounted)
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        umount2(&self.0, MntFlags::MNT_DETACH).ok();
    }
}
