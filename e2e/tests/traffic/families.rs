//! An application that listens on one address family alone is reached over the other: the client's connection is accepted before its
//! node proxy knows, so that it does not fall back by itself (RFC 8305).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context as _, Result, ensure};
use karez_e2e::access_log::{self, Line};
use karez_e2e::shop::{Shop, VIP, VIP6};
use karez_e2e::sockets;

const PORT: u16 = 8080;
const ANY: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];

#[test]
fn an_application_of_one_family_is_reached_over_the_other() -> Result<()> {
    let shop = Shop::open("families", &[(80, PORT)])?;
    ensure_reached(&shop)?;
    let refused = access_log::lines(&shop.mesh, "n1").into_iter().find(Line::is_failure);
    ensure!(refused.is_none(), "a client was told: {refused:?}");
    Ok(())
}

#[test]
fn and_where_it_is_not_in_the_mesh() -> Result<()> {
    let mut shop = Shop::outside_the_mesh("families-plain", &[(80, PORT)])?;
    shop.mesh.manifests.namespace("shop", &[])?;
    let label = ("karez.dev/mesh".to_owned(), "disabled".to_owned());
    shop.api.labels.push(label);
    shop.mesh.manifests.pod(&shop.api)?;
    shop.mesh.enrol(&shop.web)?;
    shop.mesh.wait_in_sync()?;
    ensure_reached(&shop)
}

/// By the Service and by the Pod's addresses, over both families, wherever the application listens.
fn ensure_reached(shop: &Shop) -> Result<()> {
    for listens in ANY {
        let listener = sockets::listen_at(shop.api.namespace(), SocketAddr::new(listens, PORT))?;
        let of_service = [format!("{VIP}:80"), format!("[{VIP6}]:80")];
        let of_pod = shop.api.addresses().map(|address| SocketAddr::new(address, PORT).to_string());
        for address in of_service.into_iter().chain(of_pod) {
            let what = || format!("{address}, while the application listens on {listens}");
            let client = sockets::dial(shop.web.namespace(), &address).with_context(what)?;
            let server = listener.accept().with_context(what)?;
            sockets::carries(&client, &server, "a question").with_context(what)?;
            sockets::carries(&server, &client, "and an answer").with_context(what)?;
        }
    }
    Ok(())
}
