//! Connections to the application that carry the client's address.

use std::net::{SocketAddr, TcpStream};

use anyhow::{Result, ensure};
use karez_capture::sockets::{Family, Kind, Listening};

use crate::lab::{Lab, both_ways, canonical};

/// Dials the application as `client`.
pub(crate) fn dial_as(lab: &Lab, family: Family, client: SocketAddr, port: u16) -> Result<TcpStream> {
    let socket = lab.stock(Kind::Application, family)?;
    socket.bind(&client.into())?;
    socket.connect(&SocketAddr::new(lab.pod_ip(family), port).into())?;
    Ok(socket.into())
}

#[test]
fn the_application_sees_the_client_and_its_answers_stay_in_the_pod() -> Result<()> {
    let lab = Lab::captured("source")?;
    let application = lab.listen_in_pod(8080)?;
    let wire = lab.wire()?;
    for family in Family::ALL {
        let client = SocketAddr::new(lab.outside_ip(family), 0);
        let proxy = dial_as(&lab, family, client, 8080)?;
        let served = application.accept()?;
        ensure!(canonical(served.peer_addr()?).ip() == client.ip());
        both_ways(&proxy, &served, "a word of the client's")?;
        // A close must find its way as well.
        drop(served);
        ensure!(std::io::Read::read(&mut &proxy, &mut [0])? == 0);
    }
    let wire = wire.finish()?;
    ensure!(wire.count("port 8080")? == 0, "{:#?}", wire.lines("port 8080", &[])?);
    Ok(())
}

#[test]
fn it_works_beside_the_clients_own_connection_from_the_same_port() -> Result<()> {
    let lab = Lab::captured("same-port")?;
    let application = lab.listen_in_pod(8080)?;
    for family in Family::ALL {
        let plaintext = lab.proxy(Listening::InboundPlaintext, family)?;
        let client = lab.dial_from_outside((lab.pod_ip(family), 8080).into())?;
        let captured = plaintext.accept()?;
        let proxy = dial_as(&lab, family, client.local_addr()?, 8080)?;
        let served = application.accept()?;
        ensure!(canonical(served.peer_addr()?) == client.local_addr()?);
        both_ways(&client, &captured, "first leg")?;
        both_ways(&proxy, &served, "second leg")?;
        both_ways(&client, &captured, "first leg again")?;
    }
    Ok(())
}

#[test]
fn a_refusal_comes_at_once() -> Result<()> {
    let lab = Lab::captured("refused")?;
    let wire = lab.wire()?;
    for family in Family::ALL {
        let error = dial_as(&lab, family, SocketAddr::new(lab.outside_ip(family), 0), 8080).unwrap_err();
        let error = error.downcast::<std::io::Error>()?;
        ensure!(error.kind() == std::io::ErrorKind::ConnectionRefused, "{error}");
    }
    ensure!(wire.finish()?.count("port 8080")? == 0, "a reset went to the client");
    Ok(())
}

#[test]
fn many_connections_share_a_clients_ports_among_destinations() -> Result<()> {
    let lab = Lab::captured("ports-shared")?;
    let applications = [lab.listen_in_pod(8080)?, lab.listen_in_pod(8081)?];
    lab.pod.namespace().sysctl("net.ipv4.ip_local_port_range", "'40000 40003'")?;
    let client = SocketAddr::new(lab.outside_ip(Family::V4), 0);
    let mut open = Vec::new();
    for (application, port) in applications.iter().zip([8080, 8081]) {
        for _ in 0..4 {
            open.push((dial_as(&lab, Family::V4, client, port)?, application.accept()?));
        }
    }
    for (proxy, served) in &open {
        both_ways(proxy, served, "each its own")?;
    }
    Ok(())
}
