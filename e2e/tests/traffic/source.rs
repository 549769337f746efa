//! Whom the application sees.

use anyhow::{Result, ensure};
use karez_e2e::peers;
use karez_e2e::shop::Shop;
use karez_e2e::sockets;
use karez_lab::Pod;

const PORT: u16 = 8080;

#[test]
fn the_application_sees_the_clients_own_address() -> Result<()> {
    let mut shop = Shop::open("source", &[(PORT, PORT)])?;
    let near = shop.mesh.enrolled_pod("n2", "shop/near", "near")?;
    shop.mesh.wait_in_sync()?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--whoami", &PORT.to_string()])?;
    for client in [&shop.web, &near] {
        for address in shop.addresses(PORT) {
            let (seen, own) = (seen(client, &address)?, address_beside(client, &address));
            ensure!(seen == own, "{} dialled {address}: the server saw {seen}, not {own}", client.name);
        }
    }
    Ok(())
}

#[test]
fn an_application_that_dials_itself_sees_itself() -> Result<()> {
    let shop = Shop::open("itself", &[(PORT, PORT)])?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--whoami", &PORT.to_string()])?;
    for address in shop.addresses(PORT) {
        let (seen, own) = (seen(&shop.api, &address)?, address_beside(&shop.api, &address));
        ensure!(seen == own, "dialling {address} it saw {seen}, not {own}");
    }
    Ok(())
}

/// The address under which the server of `whoami` sees a client.
fn seen(client: &Pod, address: &str) -> Result<String> {
    let line = sockets::rest(&sockets::dial(client.namespace(), address)?)?;
    Ok(line.split_whitespace().next().unwrap_or_default().to_owned())
}

/// The Pod's own address of the same family.
fn address_beside(pod: &Pod, address: &str) -> String {
    if address.starts_with('[') { pod.v6.to_string() } else { pod.v4.to_string() }
}
