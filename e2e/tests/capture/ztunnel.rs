//! Capture for a proxy that marks all its sockets alike and opens them itself, as a ztunnel does.

use std::net::{SocketAddr, TcpStream, UdpSocket};

use anyhow::{Result, ensure};
use karez_capture::capture::{Proxy, Settings};
use karez_capture::original_destination;
use karez_capture::sockets::Family;
use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Socket, Type};

use crate::lab::{Lab, PATIENCE, both_ways, canonical, inside};

fn captured(name: &str) -> Result<Lab> {
    let lab = Lab::open(name)?;
    lab.install(&Settings { proxy: Proxy::Ztunnel, ..lab.settings() })?;
    Ok(lab)
}

/// Dials with its mark, and as somebody else if so wished.
fn dial(lab: &Lab, to: SocketAddr, from: Option<SocketAddr>) -> Result<TcpStream> {
    inside(lab.pod.namespace(), || {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.set_mark(0x539)?;
        if let Some(from) = from {
            setsockopt(&socket, sockopt::IpTransparent, &true)?;
            socket.bind(&from.into())?;
        }
        socket.connect_timeout(&to.into(), PATIENCE)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(socket.into())
    })
}

#[test]
fn its_connections_pass_and_the_applications_do_not() -> Result<()> {
    let lab = captured("zt-outbound")?;
    let server = lab.listen_outside(8080)?;
    let proxy = lab.listen_in_pod(15001)?;
    for family in Family::ALL {
        let destination = SocketAddr::new(lab.outside_ip(family), 8080);
        let application = lab.dial_from_pod(destination)?;
        let captured = proxy.accept()?;
        ensure!(original_destination(&captured) == Some(destination));
        both_ways(&application, &captured, "captured")?;
        both_ways(&dial(&lab, destination, None)?, &server.accept()?, "onwards")?;
    }
    Ok(())
}

#[test]
fn its_source_preserving_dials_reach_the_application() -> Result<()> {
    let lab = captured("zt-source")?;
    let (proxy, application) = (lab.listen_in_pod(15006)?, lab.listen_in_pod(8080)?);
    for family in Family::ALL {
        let destination = SocketAddr::new(lab.pod_ip(family), 8080);
        let client = lab.dial_from_outside(destination)?;
        let captured = proxy.accept()?;
        // From the very port that the client has, to make it as hard as it gets.
        let leg = dial(&lab, destination, Some(client.local_addr()?))?;
        let served = application.accept()?;
        ensure!(canonical(served.peer_addr()?) == client.local_addr()?);
        both_ways(&leg, &served, "second leg")?;
        both_ways(&client, &captured, "first leg")?;
    }
    Ok(())
}

#[test]
fn queries_reach_its_resolver() -> Result<()> {
    let lab = captured("zt-dns")?;
    let resolver = inside(lab.pod.namespace(), || Ok(UdpSocket::bind("127.0.0.1:15053")?))?;
    resolver.set_read_timeout(Some(PATIENCE))?;
    let application = inside(lab.pod.namespace(), || Ok(UdpSocket::bind("0.0.0.0:0")?))?;
    application.set_read_timeout(Some(PATIENCE))?;
    let server = SocketAddr::new(lab.outside_ip(Family::V4), 53);
    application.send_to(b"where", server)?;
    let (_, from) = resolver.recv_from(&mut [0; 64])?;
    resolver.send_to(b"here", from)?;
    ensure!(application.recv_from(&mut [0; 64])?.1 == server);
    Ok(())
}
