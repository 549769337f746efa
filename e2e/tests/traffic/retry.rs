//! An endpoint that cannot be reached is no failure while there is another.

use std::io::{ErrorKind, Read as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use karez_e2e::access_log::{self, Line};
use karez_e2e::peers;
use karez_e2e::shop::{Shop, VIP, VIP6};
use karez_e2e::sockets::{self, PATIENCE};
use karez_lab::{Mesh, Pod, wait};
use nix::sys::signal::Signal;

/// At the endpoint that does not listen.
const ATTEMPTS: usize = 30;
/// More than the 10 s that an application has to answer.
const SILENCE: Duration = Duration::from_secs(30);
/// Connections at once: enough that each worker has some of them.
const MANY: usize = 32;

#[test]
fn a_connection_goes_to_another_endpoint_while_nothing_was_sent() -> Result<()> {
    let mut shop = Shop::open("retry", &[(80, 8080)])?;
    let _echo = peers::peer(&shop.mesh, &shop.api, &["--echo", "8080"])?;
    let deaf = deaf_endpoint(&mut shop)?;
    let attempts =
        || failures(&shop.mesh, "n2").filter(|line| line.text("dst.workload") == deaf.name).count();
    let begun = Instant::now();
    // Until the deaf one has been tried: otherwise every connection may have been lucky.
    while attempts() < ATTEMPTS {
        ensure!(begun.elapsed() < PATIENCE, "the deaf endpoint was tried {} times", attempts());
        for address in [format!("{VIP}:80"), format!("[{VIP6}]:80")] {
            sockets::echoes(&sockets::dial(shop.web.namespace(), address)?, "somebody is there")?;
        }
    }
    let refused = failures(&shop.mesh, "n1").next();
    ensure!(refused.is_none(), "a client was told: {refused:?}");
    Ok(())
}

#[test]
fn a_service_of_which_no_endpoint_listens_resets() -> Result<()> {
    let mut shop = Shop::open("all-deaf", &[(80, 8080)])?;
    let _deaf = deaf_endpoint(&mut shop)?;
    for _ in 0..4 {
        ensure!(!sockets::is_admitted(shop.web.namespace(), format!("{VIP}:80"))?, "nobody listens");
    }
    Ok(())
}

/// Port 15008 and policies of the network have no part in it.
#[test]
fn an_application_that_does_not_answer_is_told_from_a_blocked_tunnel() -> Result<()> {
    let shop = Shop::open("silent", &[(80, 8080)])?;
    let drop_all =
        "table inet silent { chain input { type filter hook input priority 0; tcp dport 8080 drop; }; }";
    shop.api.namespace().feed("nft", &["-f", "-"], drop_all)?;
    let _client = sockets::dial(shop.web.namespace(), format!("{VIP}:80"))?;
    let line = wait::until("the application to be given up", SILENCE, || {
        failures(&shop.mesh, "n2").next().context("nothing has failed")
    })?;
    let at = format!("{}:8080", shop.api.v4);
    let wanted = format!("the application did not accept at {at}: timed out");
    ensure!(line.text("response_flags") == "CONNECT" && line.text("error") == wanted, "{line}");
    Ok(())
}

#[test]
fn what_waits_in_a_tunnel_that_breaks_is_sent_again_to_the_same_endpoint() -> Result<()> {
    let mut shop = Shop::open("broken-tunnel", &[(80, 8080)])?;
    let _echo = peers::peer(&shop.mesh, &shop.api, &["--echo", "8080"])?;
    let known = dial_many(&shop)?;
    known.iter().try_for_each(|connection| sockets::echoes(connection, "tunnels are there"))?;

    let node = shop.mesh.proxy("n2")?.take().context("no proxy")?;
    node.signal(Signal::SIGSTOP)?;
    let waiting = dial_many(&shop)?;
    waiting.iter().try_for_each(ensure_silent)?;
    node.kill()?;
    shop.mesh.start_node("n2")?;
    shop.mesh.wait_ready("n2")?;
    waiting.iter().try_for_each(|connection| sockets::echoes(connection, "sent again"))
}

fn dial_many(shop: &Shop) -> Result<Vec<TcpStream>> {
    (0..MANY).map(|_| sockets::dial(shop.web.namespace(), format!("{VIP}:80"))).collect()
}

/// Checks that a connection neither answers nor ends.
fn ensure_silent(connection: &TcpStream) -> Result<()> {
    connection.set_read_timeout(Some(Duration::from_millis(50)))?;
    let nothing = (&mut &*connection).read(&mut [0]);
    connection.set_read_timeout(Some(PATIENCE))?;
    ensure!(nothing.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "{nothing:?}");
    Ok(())
}

fn failures(mesh: &Mesh, node: &str) -> impl Iterator<Item = Line> {
    access_log::lines(mesh, node).into_iter().filter(Line::is_failure)
}

/// A second endpoint of the Service, in the mesh, in which no application listens.
fn deaf_endpoint(shop: &mut Shop) -> Result<Pod> {
    let deaf = shop.mesh.pod("n2", "shop/deaf", "api")?.label("app", "api");
    shop.mesh.manifests.pod(&deaf)?;
    shop.mesh.enrol(&deaf)?;
    shop.mesh.wait_in_sync()?;
    Ok(deaf)
}
