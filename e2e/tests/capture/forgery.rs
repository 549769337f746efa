//! A process in the Pod that tries to pass for the mesh, with CAP_NET_RAW as Pods commonly have it.

use std::net::{SocketAddr, TcpStream};

use anyhow::{Result, ensure};
use karez_capture::original_destination;
use karez_capture::sockets::{Backlog, Family, Listening, SocketError, open_listeners};
use socket2::{Domain, Socket, Type};

use crate::lab::{Lab, MOMENT, inside};

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
    if lab.leaves_out("the outbound mark of another uid")? {
        return Ok(());
    }
    let server = lab.listen_outside(8080)?;
    for family in Family::ALL {
        let proxy = lab.proxy(Listening::Outbound, family)?;
        let destination = SocketAddr::new(lab.outside_ip(family), 8080);
        for mark in [0x539, 0x1539, 0xabcd_e539] {
            let _forger = forge(&lab, destination, mark, None)?;
            ensure!(original_destination(&proxy.accept()?) == Some(destination), "{mark:#x} passed");
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
fn nobody_joins_the_listeners() -> Result<()> {
    let lab = Lab::captured("joined")?;
    if lab.leaves_out("listeners that another uid wants to join")? {
        return Ok(());
    }
    let namespace = lab.namespace()?;
    for family in Family::ALL {
        for listening in Listening::ALL {
            let open = |uid| open_listeners(&namespace, listening, family, 2, uid, Backlog::default());
            let _ours = open(lab.socket_uid())?;
            let intruder = open(None);
            ensure!(
                matches!(intruder, Err(SocketError::PortTaken { port }) if port == listening.port()),
                "{listening:?} {family:?}: {intruder:?}"
            );
            ensure!(open(lab.socket_uid()).is_ok(), "our own may come later");
        }
    }
    Ok(())
}

#[test]
fn a_port_that_the_application_took_first_is_named() -> Result<()> {
    let lab = Lab::open("taken")?;
    let _application = lab.listen_in_pod(15006)?;
    let namespace = lab.namespace()?;
    let opened = open_listeners(
        &namespace,
        Listening::InboundPlaintext,
        Family::V4,
        1,
        lab.socket_uid(),
        Backlog::default(),
    );
    ensure!(matches!(opened, Err(SocketError::PortTaken { port: 15006 })), "{opened:?}");
    Ok(())
}
