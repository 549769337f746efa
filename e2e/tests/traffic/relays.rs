//! Every way on which Karez relays bytes between two TCP connections.

use std::net::TcpStream;

use anyhow::{Context as _, Result};
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::sockets;

const PORT: u16 = 8080;

/// Both ends of a connection: as the client holds it and as the server does.
pub(crate) type Ends = (TcpStream, TcpStream);

/// Runs `check` with connections by tunnel, on one node, to a host outside the mesh and from it.
pub(crate) fn on_every_relay(
    name: &str,
    check: impl Fn(&dyn Fn() -> Result<Ends>) -> Result<()>,
) -> Result<()> {
    let mut shop = Shop::open(name, &[(PORT, PORT)])?;
    let near = shop.mesh.enrolled_pod("n1", "shop/near", "near")?;
    shop.mesh.wait_in_sync()?;
    let (web, api, outside) = (shop.web.namespace(), shop.api.namespace(), shop.outside.namespace());
    let ways = [
        ("by tunnel", web, api, VIP.to_owned()),
        ("on one node", web, near.namespace(), near.v4.to_string()),
        ("passed through", web, outside, shop.outside.v4().to_string()),
        ("in plaintext", outside, api, shop.api.v4.to_string()),
    ];
    for (way, client, server, host) in ways {
        let listener = sockets::listen(server, PORT)?;
        let connect = || Ok((sockets::dial(client, format!("{host}:{PORT}"))?, listener.accept()?));
        check(&connect).context(way)?;
    }
    Ok(())
}
