//! Captured DNS queries, with the server that the client asked.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd as _};

use nix::cmsg_space;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};

use crate::original::{socket_address_v4, socket_address_v6};

/// A datagram that a rule brought to a [`Listening::DnsUdp`](crate::sockets::Listening::DnsUdp) socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram {
    /// Bytes of the buffer that it fills.
    pub length: usize,
    /// The client's address.
    pub client: SocketAddr,
    /// The server that the client asked: the answer must come from this address.
    pub server: SocketAddr,
}

/// Receives one datagram into `buffer`.
///
/// # Errors
/// `WouldBlock` when there is none. `InvalidData` for one that exceeds the buffer or lacks its destination: it is
/// dropped, go on with the next. Any other error is the socket's.
pub fn receive(socket: &impl AsFd, buffer: &mut [u8]) -> io::Result<Datagram> {
    let mut control = cmsg_space!(nix::libc::sockaddr_in6, nix::libc::sockaddr_in);
    let mut parts = [IoSliceMut::new(buffer)];
    let descriptor = socket.as_fd().as_raw_fd();
    let message =
        recvmsg::<SockaddrStorage>(descriptor, &mut parts, Some(&mut control), MsgFlags::MSG_DONTWAIT)?;
    if message.flags.contains(MsgFlags::MSG_TRUNC) {
        return Err(unusable("a datagram larger than its buffer"));
    }
    let client =
        message.address.as_ref().and_then(address).ok_or_else(|| unusable("a datagram without a source"))?;
    let server = message.cmsgs()?.find_map(|message| destination(&message));
    let server = server.ok_or_else(|| unusable("a datagram without its destination"))?;
    Ok(Datagram { length: message.bytes, client, server })
}

fn destination(message: &ControlMessageOwned) -> Option<SocketAddr> {
    match message {
        ControlMessageOwned::Ipv4OrigDstAddr(address) => Some(socket_address_v4(*address)),
        ControlMessageOwned::Ipv6OrigDstAddr(address) => Some(socket_address_v6(*address)),
        _ => None,
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(SocketAddr::new(IpAddr::from(v4.ip()), v4.port()));
    }
    let v6 = storage.as_sockaddr_in6()?;
    Some(SocketAddr::new(IpAddr::from(v6.ip()).to_canonical(), v6.port()))
}

fn unusable(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
