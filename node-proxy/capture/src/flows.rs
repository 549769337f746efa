//! Captured connections that are still open, and their end. Work on the namespace of the calling thread.
//!
//! Without rules nothing translates a captured connection: the application's next bytes would leave the Pod as they are,
//! addressed to the server that it once dialled. So before the rules go, both ends are closed, by the kernel.

mod tracked;

use std::io;
use std::net::SocketAddr;

use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
use netlink_packet_sock_diag::{AF_INET, AF_INET6, IPPROTO_TCP, SockDiagDestroy, SockDiagMessage};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use nix::errno::Errno;

use crate::netlink::command;

pub use tracked::{Captured, captured};

/// Why captured connections cannot be found or closed.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// Connection tracking does not say.
    #[error("cannot list the captured connections (this takes the kernel's nf_conntrack_netlink): {0}")]
    List(io::Error),
    /// They are there, and the kernel cannot close them.
    #[error(
        "{open} captured connections are still open and the kernel cannot close them ({source}): it takes a kernel \
         with INET_DIAG_DESTROY, or to wait for their end"
    )]
    Close {
        /// How many.
        open: usize,
        /// Why.
        source: io::Error,
    },
}

/// Closes every captured connection and gives their number. Both the application and the peer see a reset.
///
/// # Errors
/// When they cannot be listed, or one cannot be closed.
pub fn sever() -> Result<usize, FlowError> {
    let flows = captured().map_err(FlowError::List)?;
    let mut severed = 0;
    for flow in &flows {
        let closed =
            close(flow).map_err(|source| FlowError::Close { open: flows.len() - severed, source })?;
        severed += usize::from(closed);
    }
    Ok(severed)
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
    let request = InetRequest {
        family: if local.is_ipv4() { AF_INET } else { AF_INET6 },
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::empty(),
        states: StateFlags::all(),
        socket_id: SocketId {
            source_port: local.port(),
            destination_port: remote.port(),
            source_address: local.ip(),
            destination_address: remote.ip(),
            interface_id: 0,
            // INET_DIAG_NOCOOKIE: whichever it is.
            cookie: [0xff; 8],
        },
    };
    let message = SockDiagDestroy::new(SockDiagMessage::InetRequest(request));
    match command(NETLINK_SOCK_DIAG, message, 0) {
        Ok(()) => Ok(true),
        Err(error) if error.raw_os_error() == Some(Errno::ENOENT as i32) => Ok(false),
        Err(error) => Err(error),
    }
}
