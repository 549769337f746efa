//! Checks that a returned descriptor is the claimed listener.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use nix::errno::Errno;
use nix::sys::stat::fstat;
use nix::unistd::geteuid;
use socket2::{SockRef, Type};

use super::{Family, Listening};
use crate::netns::NamespaceId;

/// Why a descriptor is not the claimed listener.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the {listening:?} listener of this Pod: {difference}")]
pub struct NotTheListener {
    listening: Listening,
    difference: String,
}

/// Checks owner, type, port, state and network namespace of a descriptor that a less privileged process returns as a
/// listener of the Pod in `namespace`. Whoever serves it takes its connections for the Pod's.
///
/// # Errors
/// With the difference, or the kernel's error (reading the namespace takes CAP_NET_ADMIN).
pub fn check_listener(
    descriptor: BorrowedFd<'_>,
    listening: Listening,
    family: Family,
    namespace: NamespaceId,
) -> Result<(), NotTheListener> {
    difference(descriptor, listening, family, namespace)
        .and_then(|difference| difference.map_or(Ok(()), |difference| Err(io::Error::other(difference))))
        .map_err(|error| NotTheListener { listening, difference: error.to_string() })
}

fn difference(
    descriptor: BorrowedFd<'_>,
    listening: Listening,
    family: Family,
    namespace: NamespaceId,
) -> io::Result<Option<&'static str>> {
    let socket = SockRef::from(&descriptor);
    let is_stream = listening != Listening::DnsUdp;
    let address = socket.local_addr()?.as_socket();
    let is_bound = address.is_some_and(|address| {
        address.port() == listening.port()
            && address.ip().is_unspecified()
            && address.is_ipv4() == (family == Family::V4)
    });
    Ok(if socket.r#type()? != if is_stream { Type::STREAM } else { Type::DGRAM } {
        Some("a socket of another type")
    } else if !is_bound {
        Some("it is bound to another address")
    } else if is_stream && !socket.is_listener()? {
        Some("it does not listen")
    } else if fstat(descriptor)?.st_uid != geteuid().as_raw() {
        Some("another user made it")
    } else if NamespaceId::of(&network_namespace(descriptor)?)? != namespace {
        Some("it is in another network namespace")
    } else {
        None
    })
}

mod ioctl {
    use nix::libc;

    nix::ioctl_none_bad!(
        /// `SIOCGSKNS` of `linux/sockios.h`.
        socket_namespace,
        libc::SIOCGSKNS
    );
}

/// The network namespace of a socket.
fn network_namespace(socket: impl AsFd) -> Result<File, Errno> {
    #[allow(unsafe_code, reason = "nix knows no safe form of this ioctl")]
    // SAFETY: the call takes no argument, and returns a new descriptor that nobody else owns.
    unsafe {
        let descriptor = ioctl::socket_namespace(socket.as_fd().as_raw_fd())?;
        Ok(OwnedFd::from_raw_fd(descriptor).into())
    }
}
