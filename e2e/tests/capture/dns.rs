//! Captured DNS queries: the asked server is kept, and answers come from it.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use anyhow::{Result, ensure};
use karez_capture::sockets::{Backlog, Family, Kind, Listening, open_listener};
use karez_capture::{datagram, original_destination};
use socket2::{Domain, Socket, Type};

use crate::lab::{Lab, MOMENT, PATIENCE, both_ways, inside};

/// A UDP socket of the application.
fn client(lab: &Lab, family: Family, port: u16, mark: Option<u32>) -> Result<UdpSocket> {
    let unspecified: IpAddr = match family {
        Family::V4 => [0; 4].into(),
        Family::V6 => [0; 16].into(),
    };
    let address = SocketAddr::new(unspecified, port);
    let socket = inside(lab.pod.namespace(), || {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
        if let Some(mark) = mark {
            socket.set_mark(mark)?;
        }
        socket.bind(&address.into())?;
        Ok(UdpSocket::from(socket))
    })?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// The node proxy's socket.
fn proxy(lab: &Lab, family: Family) -> Result<Socket> {
    Ok(open_listener(&lab.namespace()?, Listening::DnsUdp, family, Backlog::default())?.into())
}

fn receive(proxy: &Socket, buffer: &mut [u8]) -> Result<datagram::Datagram> {
    karez_lab::wait::until("a query", PATIENCE, || Ok(datagram::receive(proxy, buffer)?))
}

/// Answers as the node proxy does.
fn answer(lab: &Lab, family: Family, query: &datagram::Datagram, text: &[u8]) -> Result<()> {
    let reply = lab.stock(Kind::DnsReply, family)?;
    reply.bind(&SocketAddr::new(query.server.ip(), 0).into())?;
    reply.send_to(text, &query.client.into())?;
    Ok(())
}

/// Asks `server`, and lets the proxy answer.
fn ask(lab: &Lab, proxy: &Socket, family: Family, from: &UdpSocket, server: SocketAddr) -> Result<()> {
    from.send_to(b"where", server)?;
    let mut buffer = [0; 64];
    let query = receive(proxy, &mut buffer)?;
    ensure!(buffer.get(..query.length) == Some(b"where") && query.server == server, "{query:?}");
    ensure!(query.client == SocketAddr::new(lab.pod_ip(family), from.local_addr()?.port()), "{query:?}");
    answer(lab, family, &query, b"here")?;
    let (length, answerer) = from.recv_from(&mut buffer)?;
    ensure!(
        buffer.get(..length) == Some(b"here") && answerer == server,
        "an answer from {answerer}, not {server}"
    );
    Ok(())
}

fn servers(lab: &Lab, family: Family) -> [SocketAddr; 2] {
    let other: IpAddr = match family {
        Family::V4 => [198, 51, 100, 7].into(),
        Family::V6 => [0x2001, 0xdb8, 0, 0, 0, 0, 0, 7].into(),
    };
    [(lab.outside_ip(family), 53).into(), (other, 53).into()]
}

#[test]
fn a_query_keeps_its_server_and_is_answered_from_there() -> Result<()> {
    let lab = Lab::captured("dns")?;
    let wire = lab.wire()?;
    for family in Family::ALL {
        let proxy = proxy(&lab, family)?;
        let from = client(&lab, family, 0, None)?;
        for server in servers(&lab, family) {
            ask(&lab, &proxy, family, &from, server)?;
            ask(&lab, &proxy, family, &from, server)?;
        }
    }
    ensure!(wire.finish()?.count("udp port 53")? == 0, "a query left the Pod");
    Ok(())
}

#[test]
fn a_connected_socket_hears_the_server_that_it_asked() -> Result<()> {
    let lab = Lab::captured("dns-connected")?;
    let proxy = proxy(&lab, Family::V4)?;
    let from = client(&lab, Family::V4, 0, None)?;
    from.connect(servers(&lab, Family::V4)[1])?;
    from.send(b"where")?;
    let mut buffer = [0; 64];
    let query = receive(&proxy, &mut buffer)?;
    answer(&lab, Family::V4, &query, b"here")?;
    ensure!(from.recv(&mut buffer)? == 4);
    Ok(())
}

#[test]
fn a_dns_server_in_the_pod_can_ask_others_even_from_its_own_port() -> Result<()> {
    let lab = Lab::captured("dns-server")?;
    for family in Family::ALL {
        let proxy = proxy(&lab, family)?;
        let server = client(&lab, family, 53, None)?;
        for asked in servers(&lab, family) {
            ask(&lab, &proxy, family, &server, asked)?;
        }
    }
    Ok(())
}

#[test]
fn a_dns_server_in_the_pod_is_asked_directly() -> Result<()> {
    let lab = Lab::captured("dns-served")?;
    let proxy = proxy(&lab, Family::V4)?;
    let server = client(&lab, Family::V4, 53, None)?;
    let asking = client(&lab, Family::V4, 0, None)?;
    for address in [[127, 0, 0, 1].into(), lab.pod_ip(Family::V4)] {
        asking.send_to(b"where", (address, 53))?;
        let mut buffer = [0; 64];
        let (_, from) = server.recv_from(&mut buffer)?;
        server.send_to(b"here", from)?;
        ensure!(asking.recv_from(&mut buffer)?.1 == SocketAddr::new(address, 53));
    }
    ensure!(datagram::receive(&proxy, &mut [0; 64]).is_err());
    Ok(())
}

#[test]
fn without_a_proxy_a_query_is_answered_by_nobody() -> Result<()> {
    let lab = Lab::captured("dns-closed")?;
    let wire = lab.wire()?;
    // A server in the Pod must not get what was meant for another.
    let local = client(&lab, Family::V4, 53, None)?;
    local.set_read_timeout(Some(MOMENT))?;
    let from = client(&lab, Family::V4, 0, None)?;
    from.send_to(b"where", servers(&lab, Family::V4)[0])?;
    ensure!(local.recv_from(&mut [0; 64]).is_err(), "the Pod's own server got the query");
    ensure!(wire.finish()?.count("udp port 53")? == 0, "the query left the Pod");
    Ok(())
}

#[test]
fn a_forged_mark_does_not_lead_a_query_past_the_proxy() -> Result<()> {
    let lab = Lab::captured("dns-forged")?;
    let proxy = proxy(&lab, Family::V4)?;
    for mark in [0x539, 0x111, 0x1111] {
        let from = client(&lab, Family::V4, 0, Some(mark))?;
        from.send_to(b"where", servers(&lab, Family::V4)[0])?;
        if mark == 0x1111 {
            // The mark of answers: goes nowhere at all.
            from.set_read_timeout(Some(MOMENT))?;
            ensure!(from.recv_from(&mut [0; 64]).is_err());
        } else {
            ensure!(receive(&proxy, &mut [0; 64])?.server == servers(&lab, Family::V4)[0], "{mark:#x}");
        }
    }
    Ok(())
}

#[test]
fn the_proxy_asks_the_server_itself() -> Result<()> {
    let lab = Lab::captured("dns-forward")?;
    for family in Family::ALL {
        let server = SocketAddr::new(lab.outside_ip(family), 53);
        let socket = inside(lab.outside.namespace(), || Ok(UdpSocket::bind(server)?))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let forward: UdpSocket = lab.stock(Kind::DnsForward, family)?.into();
        forward.send_to(b"where", server)?;
        let (_, from) = socket.recv_from(&mut [0; 64])?;
        ensure!(from.ip() == lab.pod_ip(family));
        socket.send_to(b"here", from)?;
        ensure!(forward.recv_from(&mut [0; 64])?.1 == server);
    }
    Ok(())
}

#[test]
fn queries_over_tcp_arrive_with_their_server() -> Result<()> {
    let lab = Lab::captured("dns-tcp")?;
    for family in Family::ALL {
        let proxy = lab.proxy(Listening::DnsTcp, family)?;
        let server = servers(&lab, family)[1];
        let from = lab.dial_from_pod(server)?;
        let captured = proxy.accept()?;
        ensure!(original_destination(&captured) == Some(server));
        both_ways(&from, &captured, "a long question")?;
    }
    Ok(())
}
