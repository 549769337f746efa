//! Finds and closes open connections that depend on the rules, and lets the rules redirect connections without an answer.
//! The functions act on the calling thread's namespace.
//!
//! Without rules nothing translates a captured connection: the application's next bytes would leave the Pod unchanged,
//! for the server that it once dialled. Nor would anything keep the application's answers in the Pod on connections
//! delivered under their client's address. So the kernel closes both ends of each before the rules go.

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
    /// Connection tracking or the kernel's socket list fails.
    #[error(
        "cannot list the captured connections (this takes the kernel's nf_conntrack_netlink, inet_diag and tcp_diag): {0}"
    )]
    List(io::Error),
    /// The kernel does not list sockets.
    #[error(
        "cannot list the connections to the application (this takes the kernel's inet_diag and tcp_diag): {0}"
    )]
    Delivered(io::Error),
    /// Connection tracking does not remove them.
    #[error("cannot remove the captured connections from connection tracking: {0}")]
    Forget(io::Error),
    /// Connection tracking keeps those that are older than the rules.
    #[error(
        "cannot make connection tracking forget unanswered connections (this takes the kernel's nf_conntrack_netlink): {0}"
    )]
    Unanswered(io::Error),
    /// They exist, and the kernel cannot close them.
    #[error(
        "{open} connections of the mesh are still open and the kernel cannot close them ({source}): it takes a kernel \
         with INET_DIAG_DESTROY, or to wait for their end"
    )]
    Close {
        /// Open connections.
        open: usize,
        /// The kernel's error.
        source: io::Error,
    },
}

/// Closes all captured and delivered connections. Returns how many had not ended yet; one that came without a tunnel is
/// both. All ends see a reset.
///
/// # Errors
/// When they cannot be listed, or one cannot be closed.
pub fn sever() -> Result<usize, FlowError> {
    // Captured ones first: a running node proxy then closes their delivered connections itself.
    Ok(sever_captured()? + sever_delivered()?)
}

/// Makes unanswered connections new again, so that the rules redirect their next SYN. Connection tracking translates by a
/// connection's first packet alone, so the rules would drop every further SYN of one that it knows.
///
/// # Errors
/// When the kernel does not list or remove them.
pub fn forget_unanswered() -> Result<(), FlowError> {
    let unanswered = tracked::unanswered().map_err(FlowError::Unanswered)?;
    unanswered.iter().try_for_each(tracked::forget).map_err(FlowError::Unanswered)
}

fn sever_captured() -> Result<usize, FlowError> {
    // Sockets before connection tracking, which remembers ended connections for minutes: a new connection on an ended
    // one's port must not be closed.
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
    // Otherwise, once the Pod is enrolled again, a connection from the same port begun without the mesh would be taken
    // for this one.
    flows.iter().try_for_each(|flow| tracked::forget(&flow.original())).map_err(FlowError::Forget)?;
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

/// Sockets by their own and their peer's address.
type ByEnds<'a> = HashMap<(SocketAddr, SocketAddr), &'a TcpSocket>;

/// Closes both ends. Returns whether any was open.
fn close(flow: &Captured, sockets: &ByEnds<'_>) -> io::Result<bool> {
    let destroy = |ends| sockets.get(&ends).map_or(Ok(false), |socket| socket.destroy());
    // The node proxy's end first: its reset is still translated, and reaches the other end under the right address.
    let proxys = destroy((flow.proxy, flow.translated))?;
    // The application's end may have outlived the proxy's, half closed and without a peer.
    let dialler = destroy((flow.dialler, flow.destination))?;
    Ok(proxys || dialler)
}
