//! Servers that do not prove to be who the client's mesh expects at that address.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use karez_e2e::hbone::pki::{Authority, Credential, Leaf};
use karez_e2e::hbone::stand_in::StandIn;
use karez_e2e::hbone::tls;
use karez_e2e::shop::Shop;
use karez_e2e::sockets::{self, PATIENCE};
use karez_e2e::{access_log, dump};
use karez_lab::{Pod, wait};

/// What the application sends, and nobody but the right server may get.
const SECRET: &str = "for-the-till-alone";

#[test]
fn a_server_that_is_not_whom_the_client_expects_gets_nothing() -> Result<()> {
    let mut shop = Shop::open("servers", &[(8080, 8080)])?;
    // Its manifest says that it takes tunnels, and no agent has enrolled it: the port is free for a stand-in.
    let till = shop.mesh.pod("n2", "shop/till", "till")?;
    dump::wait_for_pod(&shop.mesh, "n1", &till)?;
    let mesh = Authority::of(&shop.mesh)?;
    for (who, credential, flag, words) in impostors(&mesh, &till)? {
        let stand_in = StandIn::start(&till, &credential)?;
        for ip in till.addresses() {
            let hbone = SocketAddr::new(ip, 15008).to_string();
            let admitted = sockets::is_admitted(shop.web.namespace(), SocketAddr::new(ip, 8080).to_string())?;
            ensure!(!admitted, "{who} was believed");
            let line = access_log::wait_for(&shop.mesh, "n1", who, |line| {
                let told = |word: &String| line.text("error").contains(word);
                line.text("dst.addr") == hbone && words.iter().all(told)
            })?;
            ensure!(line.text("response_flags") == flag, "{who}: {line}");
        }
        let seen = stand_in.seen();
        ensure!(!seen.refused.is_empty(), "{who} was never dialled");
        ensure!(seen.requests.is_empty() && seen.bytes.is_empty(), "{who} was told: {seen:?}");
    }
    the_right_one_is_believed(&shop, &mesh, &till)
}

/// In TLS 1.3 it says so only after the client's part of the handshake.
#[test]
fn a_server_that_refuses_the_client_has_refused_tls() -> Result<()> {
    let mut shop = Shop::open("refusing", &[(8080, 8080)])?;
    let till = shop.mesh.pod("n2", "shop/till", "till")?;
    dump::wait_for_pod(&shop.mesh, "n1", &till)?;
    let credential = Authority::of(&shop.mesh)?.issue(&Leaf::of(&till.identity())?)?;
    let _stand_in = StandIn::start_with(&till, tls::server_of(&credential, &Authority::stranger()?)?)?;
    for _ in 0..10 {
        ensure!(!sockets::is_admitted(shop.web.namespace(), format!("{}:8080", till.v4))?);
    }
    let refused = || access_log::lines(&shop.mesh, "n1").into_iter().filter(access_log::Line::is_failure);
    wait::until("ten refusals in the log", PATIENCE, || {
        ensure!(refused().count() == 10, "{}", refused().count());
        Ok(())
    })?;
    for line in refused() {
        ensure!(line.text("response_flags") == "TLS_FAILURE", "{line}");
        ensure!(line.text("error").contains("received fatal alert"), "{line}");
    }
    Ok(())
}

type Impostor = (&'static str, Credential, &'static str, Vec<String>);

fn impostors(mesh: &Authority, till: &Pod) -> Result<Vec<Impostor>> {
    let right = Leaf::of(&till.identity())?;
    let wrong = "spiffe://cluster.local/ns/shop/sa/thief";
    let foreign = "spiffe://other.mesh/ns/shop/sa/till";
    let expected =
        |found: &str| vec![format!("proved to be {found}"), format!("expected [{}]", till.identity())];
    Ok(vec![
        ("another workload", mesh.issue(&Leaf::of(wrong)?)?, "IDENTITY_ERROR", expected(wrong)),
        (
            "its namesake of another mesh",
            mesh.issue(&Leaf::of(foreign)?)?,
            "IDENTITY_ERROR",
            expected(foreign),
        ),
        (
            "one that a stranger vouches for",
            Authority::stranger()?.issue(&right)?,
            "TLS_FAILURE",
            vec!["UnknownIssuer".to_owned()],
        ),
        (
            "one whose certificate has expired",
            mesh.issue(&right.expired())?,
            "TLS_FAILURE",
            vec!["expired".to_owned()],
        ),
    ])
}

/// So that the check can fail.
fn the_right_one_is_believed(shop: &Shop, mesh: &Authority, till: &Pod) -> Result<()> {
    let stand_in = StandIn::start(till, &mesh.issue(&Leaf::of(&till.identity())?)?)?;
    wait::until("the right server to be believed", PATIENCE, || {
        sockets::echoes(&sockets::dial(shop.web.namespace(), format!("{}:8080", till.v4))?, SECRET)
    })?;
    let seen = stand_in.seen();
    ensure!(seen.requests == [format!("CONNECT {}:8080", till.v4)], "{seen:?}");
    ensure!(seen.bytes == SECRET.as_bytes(), "{seen:?}");
    Ok(())
}
