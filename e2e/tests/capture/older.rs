//! Connections that are older than the capture.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use karez_capture::capture::{Settings, leave, remove};
use karez_capture::sockets::{Family, Kind, Listening};
use karez_lab::{Namespace, wait};
use socket2::{Domain, Socket, Type};

use crate::lab::{Lab, PATIENCE, both_ways, ensure_dead, inside, patient};

#[test]
fn in_permissive_mode_they_live_on_both_ways() -> Result<()> {
    let lab = Lab::open("older-permissive")?;
    let (server, application) = (lab.listen_outside(8080)?, lab.listen_in_pod(8080)?);
    for family in Family::ALL {
        let dialled = lab.dial_from_pod((lab.outside_ip(family), 8080).into())?;
        let served = server.accept()?;
        let client = lab.dial_from_outside((lab.pod_ip(family), 8080).into())?;
        let accepted = application.accept()?;
        lab.install(&lab.settings())?;
        for round in 0..3 {
            both_ways(&dialled, &served, &format!("out, round {round}"))?;
            both_ways(&client, &accepted, &format!("in, round {round}"))?;
        }
        remove(&lab.namespace()?)?;
        both_ways(&dialled, &served, "without capture again")?;
    }
    Ok(())
}

#[test]
fn in_strict_mode_both_ends_are_reset() -> Result<()> {
    let lab = Lab::open("older-strict")?;
    let (server, application) = (lab.listen_outside(8080)?, lab.listen_in_pod(8080)?);
    let strict = Settings { close_older: true, ..lab.settings() };
    for family in Family::ALL {
        // Who sends first makes a difference: the Pod, or the one outside.
        for pod_first in [true, false] {
            let dialled = lab.dial_from_pod((lab.outside_ip(family), 8080).into())?;
            let served = server.accept()?;
            let client = lab.dial_from_outside((lab.pod_ip(family), 8080).into())?;
            let accepted = application.accept()?;
            lab.install(&strict)?;
            let wire = lab.wire()?;
            for (in_pod, outside) in [(&dialled, &served), (&accepted, &client)] {
                let (first, second) = if pod_first { (in_pod, outside) } else { (outside, in_pod) };
                std::io::Write::write_all(&mut &*first, b"the old secret")?;
                ensure_dead(first)?;
                // The other end learns it at its own next word.
                let _ = std::io::Write::write_all(&mut &*second, b"the old secret");
                ensure_dead(second)?;
            }
            if pod_first {
                let left = wire.finish()?.count(&format!("src host {} and tcp[13] & 8 != 0", lab.pod.v4))?;
                ensure!(left == 0, "{left} segments with data left the Pod");
            }
            remove(&lab.namespace()?)?;
        }
    }
    Ok(())
}

#[test]
fn a_change_to_strict_mode_spares_what_began_under_capture() -> Result<()> {
    let lab = Lab::open("older-change")?;
    let (server, application) = (lab.listen_outside(8080)?, lab.listen_in_pod(8080)?);
    let tunnels = lab.listen_outside(15008)?;
    let family = Family::V4;
    let old = lab.dial_from_pod((lab.outside_ip(family), 8080).into())?;
    let old_served = server.accept()?;
    lab.install(&lab.settings())?;
    both_ways(&old, &old_served, "while permissive")?;

    let outbound = lab.proxy(Listening::Outbound, family)?;
    let captured = (lab.dial_from_pod((lab.outside_ip(family), 8080).into())?, outbound.accept()?);
    let inbound = lab.proxy(Listening::InboundPlaintext, family)?;
    let plaintext = (lab.dial_from_outside((lab.pod_ip(family), 8080).into())?, inbound.accept()?);
    let hbone = lab.proxy(Listening::Hbone, family)?;
    let tunnel_in = (lab.dial_from_outside((lab.pod_ip(family), 15008).into())?, hbone.accept()?);
    let dial = lab.stock(Kind::Outbound, family)?;
    dial.connect(&SocketAddr::new(lab.outside_ip(family), 15008).into())?;
    let tunnel_out = (dial.into(), tunnels.accept()?);
    let dial = lab.stock(Kind::Application, family)?;
    dial.bind(&SocketAddr::new(lab.outside_ip(family), 0).into())?;
    dial.connect(&SocketAddr::new(lab.pod_ip(family), 8080).into())?;
    let to_application = (dial.into(), application.accept()?);
    let local = (lab.dial_from_pod(([127, 0, 0, 1], 8080).into())?, application.accept()?);

    lab.install(&Settings { close_older: true, ..lab.settings() })?;
    std::io::Write::write_all(&mut &old, b"now strict")?;
    ensure_dead(&old)?;
    for (one, other) in [captured, plaintext, tunnel_in, tunnel_out, to_application, local] {
        both_ways(&one, &other, "still here")?;
    }
    ensure!(server.ensure_unvisited().is_ok());
    Ok(())
}

#[test]
fn a_new_connection_is_not_taken_for_an_older_one_that_is_gone() -> Result<()> {
    let lab = Lab::open("older-gone")?;
    let server = lab.listen_outside(8080)?;
    let destination = SocketAddr::new(lab.outside_ip(Family::V4), 8080);
    let dial = || {
        inside(lab.pod.namespace(), || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.set_reuse_address(true)?;
            socket.bind(&SocketAddr::from(([0; 4], 40_000)).into())?;
            socket.connect_timeout(&destination.into(), PATIENCE)?;
            patient(socket)
        })
    };
    let old = dial()?;
    let served = server.accept()?;
    lab.install(&lab.settings())?;
    let old = old.into();
    both_ways(&old, &served, "connection tracking has seen it")?;
    remove(&lab.namespace()?)?;
    // Closed where connection tracking does not see it.
    let old = Socket::from(old);
    old.set_linger(Some(std::time::Duration::ZERO))?;
    drop((old, served));
    lab.install(&lab.settings())?;
    let _proxy = lab.proxy(Listening::Outbound, Family::V4)?;
    // It is not redirected, because to connection tracking it is nothing new. So it must not pass, either.
    ensure!(dial().is_err(), "a connection past the proxy");
    server.ensure_unvisited()
}

/// What the proxy has dialled bears the connection mark of what began under the rules, and connection tracking remembers it for a
/// while after the server has reset it.
#[test]
fn a_new_connection_is_not_taken_for_one_of_the_proxys_that_is_gone() -> Result<()> {
    let lab = Lab::captured("older-ours")?;
    let server = lab.listen_outside(8080)?;
    let destination = SocketAddr::new(lab.outside_ip(Family::V4), 8080);
    let ours = lab.stock(Kind::Outbound, Family::V4)?;
    ours.connect_timeout(&destination.into(), PATIENCE)?;
    let port = ours.local_addr()?.as_socket().context("no address")?.port();
    let served = Socket::from(server.accept()?);
    served.set_linger(Some(std::time::Duration::ZERO))?;
    drop(served);
    ensure_dead(&ours.into())?;
    let _proxy = lab.proxy(Listening::Outbound, Family::V4)?;
    let dialled = inside(lab.pod.namespace(), || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from(([0; 4], port)).into())?;
        Ok(socket.connect_timeout(&destination.into(), PATIENCE)?)
    });
    ensure!(dialled.is_err(), "a connection past the proxy");
    server.ensure_unvisited()
}

/// Connection tracking knows it already, and would not ask the rules about its next SYN.
#[test]
fn a_connection_without_an_answer_is_captured_when_it_tries_again() -> Result<()> {
    let lab = Lab::open("older-unanswered")?;
    let application = lab.listen_in_pod(8080)?;
    for family in Family::ALL {
        lab.install(&lab.settings())?;
        leave(&lab.namespace()?, &lab.settings())?;
        let lost_outside = drop_packets(lab.outside.namespace(), "prerouting", "tcp dport 8080")?;
        let dialled = begin_to_dial(lab.pod.namespace(), (lab.outside_ip(family), 8080).into())?;
        let lost_in_pod = drop_packets(lab.pod.namespace(), "output", "tcp sport 8080")?;
        let client = begin_to_dial(lab.outside.namespace(), (lab.pod_ip(family), 8080).into())?;
        wait::until("the client's SYN", PATIENCE, || {
            let waiting = lab.pod.namespace().run("ss", &["-Htn", "state", "syn-recv"])?;
            ensure!(!waiting.is_empty(), "nobody dials the Pod");
            Ok(())
        })?;

        let outbound = lab.proxy(Listening::Outbound, family)?;
        let inbound = lab.proxy(Listening::InboundPlaintext, family)?;
        lab.install(&lab.settings())?;
        lost_outside.end()?;
        lost_in_pod.end()?;
        both_ways(&patient(dialled)?.into(), &outbound.accept()?, "out")?;
        both_ways(&patient(client)?.into(), &inbound.accept()?, "in")?;
    }
    application.ensure_unvisited()
}

/// A connection whose first SYN is sent, and that waits for an answer.
fn begin_to_dial(namespace: &Namespace, to: SocketAddr) -> Result<Socket> {
    inside(namespace, || {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        ensure!(socket.connect(&to.into()).is_err(), "it was answered at once");
        Ok(socket)
    })
}

/// Packets that are lost in a namespace.
struct Lost<'a>(&'a Namespace);

/// Drops packets of a hook before connection tracking sees them.
fn drop_packets<'a>(namespace: &'a Namespace, hook: &str, which: &str) -> Result<Lost<'a>> {
    let rules = format!(
        "table inet lost {{ chain lost {{ type filter hook {hook} priority -400; {which} drop; }}; }}\n"
    );
    namespace.feed("nft", &["-f", "-"], &rules)?;
    Ok(Lost(namespace))
}

impl Lost<'_> {
    fn end(self) -> Result<()> {
        self.0.run("nft", &["delete", "table", "inet", "lost"]).map(drop)
    }
}
