//! Connections that live by the rules and are still open, and their end. Work on the namespace of the calling thread.
//!
//! Without rules nothing translates a captured connection: the application's next bytes would leave the Pod as they are,
//! addressed to the server that it once dialled. And nothing keeps in the Pod what the application answers on a connection
//! that was delivered to it under its client's address. So before the rules go, both ends of each are closed, by the kernel.

mod delivered;
mod tracked;

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;

use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
use netlink_packet_sock_diag::{
    AF_INET, AF_INET6, IPPROTO_TCP, SockDiagDestroy, SockDiagMessage, TCP_LISTEN,
};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use nix::errno::Errno;

use crate::netlink::{ask, command};
use crate::netns;

use delivered::delivered;
pub use tracked::{Captured, captured};

/// Why such connections cannot be found or closed.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// Connection tracking does not say.
    #[error("cannot list the captured connections (this takes the kernel's nf_conntrack_netlink): {0}")]
    List(io::Error),
    /// The kernel does not list sockets.
    #[error(
        "cannot list the connections to the application (this takes the kernel's inet_diag and tcp_diag): {0}"
    )]
    Delivered(io::Error),
    /// They are there, and the kernel cannot close them.
    #[error(
        "{open} connections of the mesh are still open and the kernel cannot close them ({source}): it takes a kernel \
         with INET_DIAG_DESTROY, or to wait for their end"
    )]
    Close {
        /// How many.
        open: usize,
        /// Why.
        source: io::Error,
    },
}

/// Closes every captured and every delivered connection, and gives the number of those that had not ended by themselves:
/// one that came to the Pod without a tunnel is both. All ends see a reset.
///
/// # Errors
/// When they cannot be listed, or one cannot be closed.
pub fn sever() -> Result<usize, FlowError> {
    // The captured first: a node proxy that is awake closes by itself what it delivered for them.
    Ok(sever_captured()? + sever_delivered()?)
}

fn sever_captured() -> Result<usize, FlowError> {
    let flows = captured().map_err(FlowError::List)?;
    let mut severed = 0;
    for flow in &flows {
        let closed =
            close(flow).map_err(|source| FlowError::Close { open: flows.len() - severed, source })?;
        severed += usize::from(closed && !flow.has_ended);
    }
    Ok(severed)
}

fn sever_delivered() -> Result<usize, FlowError> {
    let own = netns::addresses_here().map_err(FlowError::Delivered)?;
    let sockets = delivered(&own).map_err(FlowError::Delivered)?;
    let mut severed = BTreeSet::new();
    for (socket, before) in sockets.iter().zip(0..) {
        let closed = destroy_socket(socket.family, socket.id.clone())
            .map_err(|source| FlowError::Close { open: sockets.len() - before, source })?;
        if closed {
            severed.insert(socket.connection());
        }
    }
    Ok(severed.len())
}

/// Whether there was something to close.
fn close(flow: &Captured) -> io::Result<bool> {
    // The node proxy's end first: its reset is still translated and reaches the other end under the right address.
    let proxys = destroy(flow.proxy, flow.translated)?;
    // The application's may have outlived that: half closed, with nobody at the other end.
    let dialler = destroy(flow.dialler, flow.destination)?;
    Ok(proxys || dialler)
}

/// Closes the TCP socket between two addresses, if this namespace has it.
fn destroy(local: SocketAddr, remote: SocketAddr) -> io::Result<bool> {
    let family = if local.is_ipv4() { AF_INET } else { AF_INET6 };
    let between = SocketId {
        source_port: local.port(),
        destination_port: remote.port(),
        source_address: local.ip(),
        destination_address: remote.ip(),
        interface_id: 0,
        cookie: WHICHEVER,
    };
    match find(family, between)? {
        Some(id) => destroy_socket(family, id),
        None => Ok(false),
    }
}

/// `INET_DIAG_NOCOOKIE`: whichever socket has the addresses.
const WHICHEVER: [u8; 8] = [0xff; 8];

/// The socket with these addresses, by what makes it itself.
fn find(family: u8, between: SocketId) -> io::Result<Option<SocketId>> {
    let found = match ask(NETLINK_SOCK_DIAG, SockDiagMessage::InetRequest(request(family, between))) {
        Err(error) if is(&error, Errno::ENOENT) => None,
        other => other?,
    };
    Ok(match found {
        // The kernel gives the one that listens on the port where there is no connection.
        Some(SockDiagMessage::InetResponse(socket)) if socket.header.state != TCP_LISTEN => {
            Some(socket.header.socket_id)
        }
        _ => None,
    })
}

/// Closes a TCP socket, if it is still there. It is to be named by its cookie: by its addresses alone the kernel would close
/// the socket that listens on the port, once this one is gone.
fn destroy_socket(family: u8, id: SocketId) -> io::Result<bool> {
    let message = SockDiagDestroy::new(SockDiagMessage::InetRequest(request(family, id)));
    match command(NETLINK_SOCK_DIAG, message, 0) {
        Ok(()) => Ok(true),
        Err(error) if is(&error, Errno::ENOENT) || is(&error, Errno::ESTALE) => Ok(false),
        Err(error) => Err(error),
    }
}

fn request(family: u8, socket_id: SocketId) -> InetRequest {
    let (extensions, states) = (ExtensionFlags::empty(), StateFlags::all());
    InetRequest { family, protocol: IPPROTO_TCP, extensions, states, socket_id }
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno as i32)
}
