//! Connections that live by the rules and are still open, and their end. Work on the namespace of the calling thread.
//!
//! Without rules nothing translates a captured connection: the application's next bytes would leave the Pod as they are,
//! addressed to the server that it once dialled. And nothing keeps in the Pod what the application answers on a connection
//! that was delivered to it under its client's address. So before the rules go, both ends of each are closed, by the kernel.

mod delivered;
mod tcp;
mod tracked;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::SocketAddr;

use crate::netns;

use delivered::delivered;
use tcp::{TcpSocket, sockets};
pub use tracked::{Captured, captured};

/// Why such connections cannot be found or closed.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// Connection tracking or the kernel's list of sockets does not say.
    #[error(
        "cannot list the captured connections (this takes the kernel's nf_conntrack_netlink, inet_diag and tcp_diag): {0}"
    )]
    List(io::Error),
    /// The kernel does not list sockets.
    #[error(
        "cannot list the connections to the application (this takes the kernel's inet_diag and tcp_diag): {0}"
    )]
    Delivered(io::Error),
    /// Connection tracking does not forget them.
    #[error("cannot remove the captured connections from connection tracking: {0}")]
    Forget(io::Error),
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
    // Before connection tracking is asked, which remembers for minutes who has ended: whoever takes an ended one's port from now
    // on is none of them.
    let sockets = sockets().map_err(FlowError::List)?;
    let by_ends: HashMap<_, _> =
        sockets.iter().map(|socket| ((socket.local(), socket.remote()), socket)).collect();
    let flows = captured().map_err(FlowError::List)?;
    let mut severed = 0;
    for flow in &flows {
        let closed = close(flow, &by_ends)
            .map_err(|source| FlowError::Close { open: flows.len() - severed, source })?;
        severed += usize::from(closed && !flow.has_ended);
    }
    // Else a connection from the same port, begun without the mesh, would be taken for this one when the Pod is enrolled again.
    flows.iter().try_for_each(tracked::forget).map_err(FlowError::Forget)?;
    Ok(severed)
}

fn sever_delivered() -> Result<usize, FlowError> {
    let own = netns::addresses_here().map_err(FlowError::Delivered)?;
    let sockets = delivered(sockets().map_err(FlowError::Delivered)?, &own);
    let mut severed = BTreeSet::new();
    for (socket, before) in sockets.iter().zip(0..) {
        let closed =
            socket.destroy().map_err(|source| FlowError::Close { open: sockets.len() - before, source })?;
        if closed {
            severed.insert(socket.connection());
        }
    }
    Ok(severed.len())
}

/// Sockets by their own address and the other end's.
type ByEnds<'a> = HashMap<(SocketAddr, SocketAddr), &'a TcpSocket>;

/// Whether there was something to close.
fn close(flow: &Captured, sockets: &ByEnds<'_>) -> io::Result<bool> {
    let destroy = |ends| sockets.get(&ends).map_or(Ok(false), |socket| socket.destroy());
    // The node proxy's end first: its reset is still translated and reaches the other end under the right address.
    let proxys = destroy((flow.proxy, flow.translated))?;
    // The application's may have outlived that: half closed, with nobody at the other end.
    let dialler = destroy((flow.dialler, flow.destination))?;
    Ok(proxys || dialler)
}
