//! How one side ends a connection is how the other side sees it end.

use std::net::{Shutdown, TcpStream};

use anyhow::{Context as _, Result, ensure};
use karez_e2e::shop::Shop;
use karez_e2e::sockets::{self, Listener};
use karez_lab::Pod;

const PORT: u16 = 8080;

/// Both ends of a connection: as the client holds it and as the server does.
type Ends = (TcpStream, TcpStream);

#[test]
fn each_side_may_finish_sending_first_and_still_receive() -> Result<()> {
    on_every_path("half-close", |(client, server)| {
        for (first, second) in [(&client, &server), (&server, &client)] {
            sockets::carries(first, second, "before")?;
        }
        first_finishes(&client, &server)
    })?;
    on_every_path("half-close-by-server", |(client, server)| {
        sockets::carries(&client, &server, "before")?;
        first_finishes(&server, &client)
    })
}

#[test]
fn a_reset_by_the_client_reaches_the_server() -> Result<()> {
    on_every_path("reset-by-client", |(client, server)| {
        sockets::carries(&client, &server, "before")?;
        sockets::reset(client)?;
        sockets::ensure_reset(&server)
    })
}

#[test]
fn a_reset_by_the_server_reaches_the_client() -> Result<()> {
    on_every_path("reset-by-server", |(client, server)| {
        sockets::carries(&client, &server, "before")?;
        sockets::reset(server)?;
        sockets::ensure_reset(&client)
    })
}

#[test]
fn a_reset_after_the_other_side_has_finished_is_no_good_end() -> Result<()> {
    on_every_path("reset-after-half-close", |(client, server)| {
        client.shutdown(Shutdown::Write)?;
        ensure!(sockets::rest(&server)?.is_empty());
        sockets::carries(&server, &client, "half an answer")?;
        sockets::reset(server)?;
        sockets::ensure_reset(&client)
    })
}

fn first_finishes(first: &TcpStream, second: &TcpStream) -> Result<()> {
    first.shutdown(Shutdown::Write)?;
    ensure!(sockets::rest(second)?.is_empty());
    for _ in 0..100 {
        sockets::carries(second, first, "after")?;
    }
    second.shutdown(Shutdown::Write)?;
    ensure!(sockets::rest(first)?.is_empty());
    Ok(())
}

/// By Service and by Pod, IPv4 and IPv6, to another node and on the same.
fn on_every_path(name: &str, check: impl Fn(Ends) -> Result<()>) -> Result<()> {
    let mut shop = Shop::open(name, &[(PORT, PORT)])?;
    let near = shop.mesh.enrolled_pod("n1", "shop/near", "near")?;
    shop.mesh.wait_in_sync()?;
    let from = &shop.web;
    let far = sockets::listen(shop.api.namespace(), PORT)?;
    for address in shop.addresses(PORT) {
        check(connect(from, &far, &address)?).with_context(|| address.clone())?;
    }
    let listener = sockets::listen(near.namespace(), PORT)?;
    for address in [format!("{}:{PORT}", near.v4), format!("[{}]:{PORT}", near.v6)] {
        check(connect(from, &listener, &address)?).with_context(|| format!("on one node, {address}"))?;
    }
    Ok(())
}

fn connect(from: &Pod, listener: &Listener, address: &str) -> Result<Ends> {
    Ok((sockets::dial(from.namespace(), address)?, listener.accept()?))
}
