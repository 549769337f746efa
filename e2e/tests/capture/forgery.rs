//! A process in the Pod that tries to pass for the mesh, with CAP_NET_RAW as Pods commonly have it.

use std::net::{SocketAddr, TcpStream};

use anyhow::{Result, ensure};
use karez_capture::original_destination;
use karez_capture::sockets::{Backlog, Family, Kind, Listening, SocketError, check_listener, open_listener};
use socket2::{Domain, Protocol, Socket, Type};

use crate::lab::{Lab, MOMENT, PATIENCE, both_ways, inside};

/// A mark that is not the Pod's, made as the Pod's is.
const GUESS: u32 = 0x1234_5539;

/// Dials with a mark, from an interface if one is named.
fn forge(lab: &Lab, to: SocketAddr, mark: u32, interface: Option<&str>) -> Result<TcpStream> {
    inside(lab.pod.namespace(), || {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.set_mark(mark)?;
        socket.bind_device(interface.map(str::as_bytes))?;
        socket.connect_timeout(&to.into(), MOMENT)?;
        Ok(socket.into())
    })
}

#[test]
fn the_outbound_mark_alone_does_not_pass() -> Result<()> {
    let lab = Lab::captured("forged-outbound")?;
    let server = lab.listen_outside(8080)?;
    for family in Family::ALL {
        let proxy = lab.proxy(Listening::Outbound, family)?;
        let destination = SocketAddr::new(lab.outside_ip(family), 8080);
        let _forger = forge(&lab, destination, 0x539, None)?;
        ensure!(original_destination(&proxy.accept()?) == Some(destination), "a ztunnel's mark passed");
        for guess in [0x1539, GUESS] {
            ensure!(forge(&lab, destination, guess, None).is_err(), "{guess:#x} passed");
        }
    }
    server.ensure_unvisited()
}

#[test]
fn the_local_mark_leads_nowhere() -> Result<()> {
    let lab = Lab::captured("forged-local")?;
    let server = lab.listen_outside(8080)?;
    let wire = lab.wire()?;
    for family in Family::ALL {
        let destination = SocketAddr::new(lab.outside_ip(family), 8080);
        for mark in [0x111, 0x1111, 0xabcd_e111] {
            for interface in [None, Some("eth0")] {
                ensure!(forge(&lab, destination, mark, interface).is_err(), "{mark:#x} by {interface:?}");
            }
        }
    }
    server.ensure_unvisited()?;
    let wire = wire.finish()?;
    ensure!(wire.count("port 8080")? == 0, "{:#?}", wire.lines("port 8080", &[])?);
    Ok(())
}

#[test]
fn a_guess_locks_out_who_guesses_right_next() -> Result<()> {
    let lab = Lab::captured("guessed")?;
    let server = lab.listen_outside(8080)?;
    for family in Family::ALL {
        let destination = SocketAddr::new(lab.outside_ip(family), 8080);
        let dial = || {
            let socket = lab.stock(Kind::Outbound, family)?;
            socket.connect_timeout(&destination.into(), PATIENCE)?;
            Ok(TcpStream::from(socket))
        };
        lab.install(&lab.settings())?;
        let open: TcpStream = dial()?;
        let accepted = server.accept()?;
        both_ways(&open, &accepted, "before")?;
        // A ztunnel's mark is no guess.
        let _ = forge(&lab, destination, 0x539, None);
        let _also: TcpStream = dial()?;
        server.accept()?;

        let _ = forge(&lab, destination, GUESS, None);
        let late: Result<TcpStream> = dial();
        ensure!(late.is_err(), "the right mark passes right after a wrong one");
        drop((open, accepted));
    }
    server.ensure_unvisited()
}

/// While a guess locks out, the fate of a packet must not tell whether its mark is right.
#[test]
fn after_a_guess_right_and_wrong_fare_alike() -> Result<()> {
    let lab = Lab::captured("oracle")?;
    let right = Lab::mark().mark().0;
    for family in Family::ALL {
        let _ = forge(&lab, SocketAddr::new(lab.outside_ip(family), 8080), GUESS, None);
        for (address, interface) in [(lab.pod_ip(family), None), (lab.outside_ip(family), Some("eth0"))] {
            for kind in [Type::DGRAM, Type::STREAM, Type::RAW] {
                let fates = [right, GUESS]
                    .map(|mark| fate(&lab, SocketAddr::new(address, 9000), mark, kind, interface));
                ensure!(fates[0] == fates[1], "{kind:?} to {address}: {fates:?}");
                ensure!(fates[0].is_err(), "{kind:?} to {address} passes");
            }
        }
    }
    Ok(())
}

/// What becomes of a packet under a mark: for a stream, of its first.
fn fate(lab: &Lab, to: SocketAddr, mark: u32, kind: Type, interface: Option<&str>) -> Result<(), String> {
    inside(lab.pod.namespace(), || {
        // The kernel leaves an ICMP header to who has a raw socket.
        let icmp = if to.is_ipv4() { Protocol::ICMPV4 } else { Protocol::ICMPV6 };
        let socket = Socket::new(Domain::for_address(to), kind, (kind == Type::RAW).then_some(icmp))?;
        socket.set_mark(mark)?;
        if kind == Type::STREAM {
            return Ok(socket.connect_timeout(&to.into(), MOMENT)?);
        }
        socket.bind_device(interface.map(str::as_bytes))?;
        let echo = if to.is_ipv4() { [8, 0, 0xf7, 0xff, 0, 0, 0, 0] } else { [128, 0, 0, 0, 0, 0, 0, 0] };
        Ok(socket
            .send_to(&echo, &SocketAddr::new(to.ip(), if kind == Type::RAW { 0 } else { to.port() }).into())
            .map(drop)?)
    })
    .map_err(|error| error.to_string())
}

/// It is accepted under the mark of the packet that dialled it (`tcp_fwmark_accept`), and may dial again.
#[test]
fn an_application_that_the_mesh_dials_does_not_learn_the_mark() -> Result<()> {
    let lab = Lab::captured("learned")?;
    let application = lab.listen_in_pod(8080)?;
    for family in Family::ALL {
        let socket = lab.stock(Kind::Outbound, family)?;
        socket.connect_timeout(&SocketAddr::new(lab.pod_ip(family), 8080).into(), PATIENCE)?;
        let accepted = Socket::from(application.accept()?);
        ensure!(accepted.mark()? == 0, "{:#x}", accepted.mark()?);
    }
    Ok(())
}

#[test]
fn nobody_joins_the_listeners() -> Result<()> {
    let lab = Lab::captured("joined")?;
    let namespace = lab.namespace()?;
    for family in Family::ALL {
        for listening in Listening::ALL {
            let open = || open_listener(&namespace, listening, family, Backlog::default());
            let ours = open()?;
            let other = open();
            ensure!(
                matches!(other, Err(SocketError::PortTaken { port }) if port == listening.port()),
                "{listening:?} {family:?}: {other:?}"
            );
            drop(ours);
            open()?;
        }
    }
    Ok(())
}

#[test]
fn a_listener_is_known_from_what_is_planted_in_its_place() -> Result<()> {
    let lab = Lab::captured("planted")?;
    let namespace = lab.namespace()?;
    let check = |descriptor: &dyn std::os::fd::AsFd, listening, family| {
        check_listener(descriptor.as_fd(), listening, family, namespace.id())
    };
    for family in Family::ALL {
        for listening in Listening::ALL {
            let ours = open_listener(&namespace, listening, family, Backlog::default())?;
            check(&ours, listening, family)?;
            for other in Listening::ALL.into_iter().filter(|other| *other != listening) {
                ensure!(check(&ours, other, family).is_err(), "{listening:?} passes for {other:?}");
            }
        }
    }
    let elsewhere = inside(lab.outside.namespace(), || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from(([0, 0, 0, 0], Listening::Hbone.port())).into())?;
        ensure!(check(&socket, Listening::Hbone, Family::V4).is_err(), "bound and not listening");
        socket.listen(1)?;
        Ok(socket)
    })?;
    let found = check(&elsewhere, Listening::Hbone, Family::V4).err().map(|error| error.to_string());
    ensure!(found.as_ref().is_some_and(|found| found.contains("another network namespace")), "{found:?}");
    Ok(())
}

#[test]
fn a_port_that_the_application_took_first_is_named() -> Result<()> {
    let lab = Lab::open("taken")?;
    let _application = lab.listen_in_pod(15006)?;
    let opened =
        open_listener(&lab.namespace()?, Listening::InboundPlaintext, Family::V4, Backlog::default());
    ensure!(matches!(opened, Err(SocketError::PortTaken { port: 15006 })), "{opened:?}");
    Ok(())
}
