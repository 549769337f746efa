//! What is redirected, where to, and what is not.

use std::net::{IpAddr, SocketAddr, SocketAddrV6, TcpListener, TcpStream, UdpSocket};

use anyhow::{Result, ensure};
use karez_capture::capture::Settings;
use karez_capture::original_destination;
use karez_capture::sockets::{Family, Kind, Listening};
use socket2::{Domain, Socket, Type};

use crate::lab::{Lab, PATIENCE, PROBES, both_ways, canonical, inside, patient};

#[test]
fn what_the_application_dials_arrives_at_the_proxy_with_its_destination() -> Result<()> {
    let lab = Lab::captured("outbound")?;
    let server = lab.listen_outside(8080)?;
    for family in Family::ALL {
        let proxy = lab.proxy(Listening::Outbound, family)?;
        let destination = (lab.outside_ip(family), 8080).into();
        let application = lab.dial_from_pod(destination)?;
        let captured = proxy.accept()?;
        ensure!(original_destination(&captured) == Some(destination));
        both_ways(&application, &captured, "by the proxy")?;

        let dial = lab.stock(Kind::Outbound, family)?;
        dial.connect(&destination.into())?;
        let served = server.accept()?;
        both_ways(&dial.into(), &served, "into the network")?;
        ensure!(served.peer_addr()?.ip().to_canonical() == lab.pod_ip(family));
    }
    Ok(())
}

#[test]
fn what_comes_without_a_tunnel_arrives_at_the_proxy_and_tunnels_come_by_themselves() -> Result<()> {
    let lab = Lab::captured("inbound")?;
    let application = lab.listen_in_pod(8080)?;
    for family in Family::ALL {
        let plaintext = lab.proxy(Listening::InboundPlaintext, family)?;
        let destination = (lab.pod_ip(family), 8080).into();
        let client = lab.dial_from_outside(destination)?;
        let captured = plaintext.accept()?;
        ensure!(original_destination(&captured) == Some(destination));
        ensure!(canonical(captured.peer_addr()?) == client.local_addr()?);
        both_ways(&client, &captured, "plaintext")?;

        let hbone = lab.proxy(Listening::Hbone, family)?;
        let client = lab.dial_from_outside((lab.pod_ip(family), 15008).into())?;
        let tunnel = hbone.accept()?;
        ensure!(original_destination(&tunnel).is_none(), "a tunnel is not redirected");
        both_ways(&client, &tunnel, "tunnel")?;
    }
    application.ensure_unvisited()
}

/// Such an address means nothing without its interface, which a proxy is not told.
#[test]
fn what_stays_on_the_link_is_left_alone() -> Result<()> {
    let lab = Lab::captured("link")?;
    let link_local = lab.node_on_the_link()?;
    let server = inside(lab.node().host().namespace(), || Ok(TcpListener::bind("[::]:8080")?))?;
    let dns = inside(lab.node().host().namespace(), || Ok(UdpSocket::bind("[::]:53")?))?;
    dns.set_read_timeout(Some(PATIENCE))?;
    for close_older in [false, true] {
        lab.install(&Settings { close_older, ..lab.settings() })?;
        let client = lab.dial_from_pod(link_local.into())?;
        both_ways(&client, &server.accept()?.0, "over the link")?;
        let asked = SocketAddrV6::new(*link_local.ip(), 53, 0, link_local.scope_id());
        let client = inside(lab.pod.namespace(), || Ok(UdpSocket::bind("[::]:0")?))?;
        client.send_to(b"query", asked)?;
        let mut query = [0; 8];
        ensure!(dns.recv_from(&mut query)?.0 == 5, "the query arrives as it was sent");
    }
    Ok(())
}

#[test]
fn a_pod_talks_to_itself_undisturbed() -> Result<()> {
    let lab = Lab::captured("itself")?;
    let server = lab.listen_in_pod(8080)?;
    for address in ["127.0.0.1".parse()?, "::1".parse()?, lab.pod_ip(Family::V4), lab.pod_ip(Family::V6)] {
        let client = lab.dial_from_pod((address, 8080).into())?;
        both_ways(&client, &server.accept()?, "alone")?;
    }
    Ok(())
}

#[test]
fn without_a_proxy_nothing_leaves_and_nothing_enters() -> Result<()> {
    let lab = Lab::captured("closed")?;
    let (server, application) = (lab.listen_outside(8080)?, lab.listen_in_pod(8080)?);
    let wire = lab.wire()?;
    for family in Family::ALL {
        lab.dial_from_pod((lab.outside_ip(family), 8080).into()).unwrap_err();
        lab.dial_from_outside((lab.pod_ip(family), 8080).into()).unwrap_err();
    }
    server.ensure_unvisited()?;
    application.ensure_unvisited()?;
    let filter = format!("dst port 8080 and (src host {} or src host {})", lab.pod.v4, lab.pod.v6);
    let left = wire.finish()?.lines(&filter, &[])?;
    ensure!(left.is_empty(), "{left:#?}");
    Ok(())
}

#[test]
fn the_proxys_ports_take_only_what_was_redirected() -> Result<()> {
    let lab = Lab::captured("ports")?;
    let plaintext = lab.proxy(Listening::InboundPlaintext, Family::V4)?;
    for listening in [Listening::Outbound, Listening::DnsTcp] {
        let proxy = lab.proxy(listening, Family::V4)?;
        let port = listening.port();
        lab.dial_from_pod(([127, 0, 0, 1], port).into()).unwrap_err();
        lab.dial_from_pod((lab.pod_ip(Family::V4), port).into()).unwrap_err();
        // From outside it is plaintext like any other, and the node proxy sees what was asked for.
        let destination = (lab.pod_ip(Family::V4), port).into();
        let _client = lab.dial_from_outside(destination)?;
        ensure!(original_destination(&plaintext.accept()?) == Some(destination));
        proxy.ensure_unvisited()?;
    }
    Ok(())
}

/// Dials from an address of the outside host.
fn dial_from(lab: &Lab, from: IpAddr, to: SocketAddr) -> Result<TcpStream> {
    inside(lab.outside.namespace(), || {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(from, 0).into())?;
        socket.connect_timeout(&to.into(), PATIENCE)?;
        Ok(patient(socket)?.into())
    })
}

#[test]
fn a_probe_reaches_the_application_and_not_the_proxy() -> Result<()> {
    let lab = Lab::captured("probes")?;
    let application = lab.listen_in_pod(8080)?;
    for (family, probe) in Family::ALL.into_iter().zip(PROBES) {
        // A host that has the address stands for the node, which source-NATs its probes to it.
        let via = lab.outside_ip(family).to_string();
        lab.outside.namespace().run("ip", &["addr", "add", probe, "dev", "lo"])?;
        lab.node().host().namespace().run("ip", &["route", "add", probe, "via", &via])?;
        let _proxy = lab.proxy(Listening::InboundPlaintext, family)?;
        let from = probe.parse()?;
        let probed = |port| dial_from(&lab, from, (lab.pod_ip(family), port).into());
        both_ways(&probed(8080)?, &application.accept()?, "alive")?;
        ensure!(probed(8081).is_err(), "a probe of a closed port passed");
        ensure!(probed(15006).is_err(), "a probe reached the proxy");
    }
    Ok(())
}

#[test]
fn a_pod_without_ipv6_is_captured_all_the_same() -> Result<()> {
    let lab = Lab::open("v4-only")?;
    for interface in ["all", "default", "lo", "eth0"] {
        lab.pod.namespace().sysctl(&format!("net.ipv6.conf.{interface}.disable_ipv6"), "1")?;
    }
    lab.install(&lab.settings())?;
    let proxy = lab.proxy(Listening::Outbound, Family::V4)?;
    let destination = (lab.outside_ip(Family::V4), 8080).into();
    let _application = lab.dial_from_pod(destination)?;
    ensure!(original_destination(&proxy.accept()?) == Some(destination));
    ensure!(lab.dial_from_pod((lab.outside_ip(Family::V6), 8080).into()).is_err());
    karez_capture::capture::remove(&lab.namespace()?)?;
    Ok(())
}
