//! Whom the application sees, and by which Service a client came.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};

use anyhow::{Context as _, Result, ensure};
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::{access_log, peers, sockets};
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

/// A port of the mesh inside a Pod is any port elsewhere.
#[test]
fn outside_the_meshs_own_ports_are_like_any_other() -> Result<()> {
    let shop = Shop::open("ports", &[(PORT, PORT)])?;
    for port in [15001, 15006, 15008, 15053] {
        let address = SocketAddr::from((shop.outside.v4(), port));
        let listener = shop.outside.namespace().inside(|| TcpListener::bind(address))??;
        let client = sockets::dial(shop.web.namespace(), address.to_string())?;
        let (server, _) = listener.accept()?;
        (&server).write_all(b"from outside")?;
        drop(server);
        let said = sockets::rest(&client).with_context(|| address.to_string())?;
        ensure!(said == "from outside", "{address} said {said:?}");
    }
    Ok(())
}

#[test]
fn the_servers_node_names_the_service_by_which_a_client_came() -> Result<()> {
    const SERVICE: &str = "api.shop.svc.cluster.local";
    let shop = Shop::open("service", &[(80, PORT)])?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--whoami", &PORT.to_string()])?;
    let own_address = format!("{}:{PORT}", shop.api.v4);
    for (address, named) in [(format!("{VIP}:80"), SERVICE), (own_address, "")] {
        seen(&shop.web, &address)?;
        let what = format!("the connection to {address}");
        access_log::wait_for(&shop.mesh, "n2", &what, |line| {
            line.text("direction") == "inbound" && line.text("dst.service") == named
        })?;
    }
    let by_service = format!(r#"destination_service="{SERVICE}""#);
    let text = shop.mesh.metrics("n2")?;
    let counted = |line: &str| line.contains(r#"reporter="destination""#) && line.contains(&by_service);
    ensure!(text.lines().any(counted), "no series of {SERVICE} in:\n{text}");
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
