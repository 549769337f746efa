//! Accepts from one listener.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::rc::Rc;
use std::time::Duration;

use karez_api::outcome::{Limit, Refusal};
use karez_flow::{Direction, Flow};
use karez_handover::listener::{Listener, Listening};
use karez_tunnel::copy::reset_when_closed;
use tokio::net::{TcpListener, TcpStream};

use crate::connection::{hbone, outbound, plaintext};
use crate::dns;
use crate::share::Share;

/// Pause before accepting again after an error such as "too many open files".
const PAUSE: Duration = Duration::from_millis(50);

/// Polls the listener until it is dropped.
pub(crate) async fn poll(share: Rc<Share>, listener: Listener) {
    let pod = share.pod.enrolled.to_string();
    if let Err(error) = try_poll(share, listener).await {
        tracing::error!(pod, %error, "a listener cannot be polled: connections to it wait");
    }
}

async fn try_poll(share: Rc<Share>, listener: Listener) -> io::Result<()> {
    match listener.role.kind {
        Listening::DnsUdp => dns::serve_udp(share, listener).await,
        Listening::DnsTcp => dns::serve_tcp(share, tcp(&listener)?).await,
        kind @ (Listening::Outbound | Listening::InboundPlaintext | Listening::Hbone) => {
            accept(share, tcp(&listener)?, kind).await
        }
    }
}

/// A separate poll registration, because every worker polls the same socket.
fn tcp(listener: &Listener) -> io::Result<TcpListener> {
    let socket = std::net::TcpListener::from(listener.as_fd().try_clone_to_owned()?);
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket)
}

async fn accept(share: Rc<Share>, listener: TcpListener, kind: Listening) -> io::Result<()> {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                serve(&share, stream, peer, kind);
                // Otherwise one worker would take the whole queue, although the others have been woken too. Also lets
                // displaced clients close their sockets before more are accepted.
                tokio::task::yield_now().await;
            }
            // The peer was gone before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(pod = %share.pod.enrolled, %error, "cannot accept: connections wait");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn serve(share: &Rc<Share>, stream: TcpStream, peer: SocketAddr, kind: Listening) {
    if kind == Listening::Hbone {
        return match share.worker.handshakes.admit(peer.ip()) {
            Some(permit) => drop(tokio::task::spawn_local(hbone::serve(Rc::clone(share), stream, permit))),
            None => refuse(share, &stream, peer, kind, Refusal::LimitReached { limit: Limit::Handshakes }),
        };
    }
    let slot = match share.pod.take_slot() {
        Ok(slot) => slot,
        Err(refusal) => return refuse(share, &stream, peer, kind, refusal),
    };
    let share = Rc::clone(share);
    if kind == Listening::Outbound {
        tokio::task::spawn_local(outbound::serve(share, stream, slot));
    } else {
        tokio::task::spawn_local(plaintext::serve(share, stream, slot));
    }
}

fn refuse(share: &Share, stream: &TcpStream, peer: SocketAddr, kind: Listening, refusal: Refusal) {
    reset_when_closed(stream);
    let direction = if kind == Listening::Outbound { Direction::Outbound } else { Direction::Inbound };
    let local = stream.local_addr().unwrap_or(peer);
    share.worker.telemetry.open(Flow::unknown(direction, peer, local)).finish(refusal);
}
