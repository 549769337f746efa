//! A node proxy that is asked to end.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::shop::VIP;
use karez_e2e::sockets::{dial, echoes, ensure_reset};
use karez_lab::Settings;
use nix::sys::signal::Signal;

use crate::{PORT, echo_shop, ensure_served};

const LIMIT: Duration = Duration::from_secs(15);

fn with_deadline(deadline: &str) -> Settings {
    Settings {
        node_arguments: vec!["--drain-deadline".to_owned(), deadline.to_owned()],
        ..Settings::default()
    }
}

#[test]
fn what_is_open_may_finish_and_what_is_new_waits_for_the_next_one() -> Result<()> {
    let (mut shop, _server) = echo_shop("drain", with_deadline("60s"))?;
    for node in ["n1", "n2"] {
        let to = format!("{VIP}:{PORT}");
        let live = dial(shop.web.namespace(), &to)?;
        echoes(&live, "before")?;
        let mut leaving = shop.mesh.proxy(node)?.take().context("no proxy")?;
        leaving.signal(Signal::SIGTERM)?;
        for word in ["while", "it", "drains"] {
            echoes(&live, word)?;
        }
        drop(live);
        let status = leaving.wait(LIMIT)?;
        ensure!(status.success(), "it ended with {status}");
        let waiting = dial(shop.web.namespace(), &to)?;
        shop.mesh.start_node(node)?;
        echoes(&waiting, "after")?;
        shop.mesh.wait_ready(node)?;
        ensure_served(&shop)?;
    }
    Ok(())
}

#[test]
fn after_the_deadline_what_is_open_is_cut() -> Result<()> {
    let (mut shop, _server) = echo_shop("drain-late", with_deadline("1s"))?;
    let live = dial(shop.web.namespace(), format!("{VIP}:{PORT}"))?;
    echoes(&live, "before")?;
    let status = shop.mesh.proxy("n1")?.take().context("no proxy")?.terminate(LIMIT)?;
    ensure!(status.success(), "it ended with {status}");
    ensure_reset(&live)
}
