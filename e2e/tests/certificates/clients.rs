//! Clients that prove nothing, or the wrong thing, to a Pod's port 15008.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::hbone::client::Tunnel;
use karez_e2e::hbone::pki::{Authority, Leaf};
use karez_e2e::hbone::tls;
use karez_e2e::shop::Shop;
use karez_e2e::{access_log, peers, sockets};
use karez_lab::wait;
use rustls::ClientConfig;

/// What a client of the mesh would prove.
const HONEST: &str = "spiffe://cluster.local/ns/shop/sa/web";

struct Case {
    who: &'static str,
    config: Arc<ClientConfig>,
    /// In the server's log.
    words: &'static str,
}

#[test]
fn a_client_that_does_not_prove_to_be_of_the_mesh_is_refused_and_named() -> Result<()> {
    let shop = Shop::open("clients", &[(8080, 8080)])?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", "8080"])?;
    let mesh = Authority::of(&shop.mesh)?;
    for to in [format!("{}:15008", shop.api.v4), format!("[{}]:15008", shop.api.v6)] {
        let dial = || sockets::dial(shop.outside.namespace(), &to);
        let honest = tls::client(Some(&mesh.issue(&Leaf::of(HONEST)?)?))?;
        served(dial()?, honest).context("the check cannot fail: an honest client is refused")?;
        for Case { who, config, words } in cases(&mesh)? {
            let tcp = dial()?;
            let client = tcp.local_addr()?;
            let answer = served(tcp, config);
            ensure!(answer.is_err(), "{who} is served");
            let line = access_log::wait_for(&shop.mesh, "n2", who, |line| {
                line.text("src.addr") == client.to_string() && line.is_failure()
            })?;
            ensure!(line.text("response_flags") == "TLS_FAILURE", "{who}: {line}");
            ensure!(line.text("dst.addr") == to, "{who}: {line}");
            let error = line.text("error");
            ensure!(error.contains(words) && error.contains(&client.to_string()), "{who}: {line}");
        }
    }
    Ok(())
}

#[test]
fn a_tunnel_takes_no_request_once_its_client_is_out_of_date_and_ends_what_it_carries_in_its_time()
-> Result<()> {
    const LIFE: Duration = Duration::from_secs(3);
    let shop = Shop::open("outdated", &[(8080, 8080)])?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", "8080"])?;
    let leaf = Leaf::of(HONEST)?.lasting(LIFE)?;
    let credential = Authority::of(&shop.mesh)?.issue(&leaf)?;
    let at = |port| format!("{}:{port}", shop.api.v4);
    let mut tunnel = Tunnel::open(sockets::dial(shop.outside.namespace(), at(15008))?, &credential)?;
    let (_, mut open) = tunnel.connect(&at(8080), &[])?;
    open.echoes("before")?;
    let (_, mut another) = tunnel.connect(&at(8080), &[])?;
    another.echoes("the check cannot fail otherwise")?;
    wait::until("the tunnel to take no request", LIFE * 2, || {
        ensure!(tunnel.connect(&at(8080), &[]).is_err(), "another one is accepted");
        Ok(())
    })?;
    open.echoes("after")
}

fn cases(mesh: &Authority) -> Result<Vec<Case>> {
    let honest = Leaf::of(HONEST)?;
    let shows = |credential| tls::client(Some(&credential));
    let foreign = Leaf::of("spiffe://other.mesh/ns/shop/sa/web")?;
    let old = &rustls::version::TLS12;
    Ok(vec![
        Case {
            who: "a client of another trust domain",
            config: shows(mesh.issue(&foreign)?)?,
            words: "other.mesh/ns/shop/sa/web, which is not of the trust domain cluster.local",
        },
        Case {
            who: "a client whose certificate names no workload",
            config: shows(mesh.issue(&Leaf::of_host("web.shop.svc")?)?)?,
            words: "nobody (its certificate names no SPIFFE id), which is not of the trust domain",
        },
        Case {
            who: "a client whose certificate has expired",
            config: shows(mesh.issue(&honest.clone().expired())?)?,
            words: "expired",
        },
        Case {
            who: "a client that vouches for itself",
            config: shows(honest.self_signed()?)?,
            words: "UnknownIssuer",
        },
        Case {
            who: "a client of another root",
            config: shows(Authority::stranger()?.issue(&honest)?)?,
            words: "UnknownIssuer",
        },
        Case {
            who: "a client without a certificate",
            config: tls::client(None)?,
            words: "sent no certificates",
        },
        Case {
            who: "a client of TLS 1.2",
            config: tls::client_of(old, Some(&mesh.issue(&honest)?))?,
            words: "Tls12NotOffered",
        },
    ])
}

fn served(tcp: TcpStream, config: Arc<ClientConfig>) -> Result<()> {
    let mut stream = tls::dial(tcp, config)?;
    Ok(tls::is_served(&mut stream)?)
}
