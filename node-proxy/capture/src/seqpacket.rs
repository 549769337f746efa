//! Messages and descriptors over a Unix socket of type `SOCK_SEQPACKET`, which keeps message boundaries.
//!
//! Nothing blocks: calls return `WouldBlock`, and the caller waits for readiness by its own means.

mod rights;

use std::convert::Infallible;
use std::ffi::OsStr;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{fmt, fs};

use nix::cmsg_space;
use nix::sys::socket::{ControlMessage, MsgFlags, getsockopt, recvmsg, sendmsg, sockopt};
use socket2::{Domain, SockAddr, Socket, Type};

/// Most descriptors in one message: `SCM_MAX_FD` of `include/net/scm.h`.
pub const MOST_DESCRIPTORS: usize = 253;

const BACKLOG: i32 = 16;

/// A listener's address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A path in the file system.
    Path(PathBuf),
    /// A name in the network namespace (unix(7)), written with a leading `@`.
    Abstract(String),
}

/// A listening socket. Its path stays behind; the next [`Listener::bind`] replaces it.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    socket: Socket,
}

/// A received message.
#[derive(Debug)]
pub struct Received {
    /// Bytes of the buffer that it fills.
    pub length: usize,
    /// Its descriptors.
    pub descriptors: Vec<OwnedFd>,
}

impl Listener {
    /// Listens at `address`, and replaces an existing socket at a path.
    ///
    /// # Errors
    /// When an abstract address is taken, the address cannot be made, or the path is no socket.
    pub fn bind(address: &Address) -> io::Result<Self> {
        if let Address::Path(path) = address {
            remove_socket(path)?;
        }
        let socket = open()?;
        socket.bind(&address.socket_address()?)?;
        socket.listen(BACKLOG)?;
        Ok(Self { socket })
    }

    /// Accepts a connection.
    ///
    /// # Errors
    /// `WouldBlock` when there is none.
    pub fn accept(&self) -> io::Result<Connection> {
        let (socket, _) = self.socket.accept()?;
        socket.set_nonblocking(true)?;
        Ok(Connection { socket })
    }
}

impl Connection {
    /// Connects to `address` without waiting: a listener with a full queue gives `WouldBlock`.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(address: &Address) -> io::Result<Self> {
        let socket = open()?;
        socket.connect(&address.socket_address()?)?;
        Ok(Self { socket })
    }

    /// Both ends of a new connection.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = Socket::pair(Domain::UNIX, Type::SEQPACKET.nonblocking(), None)?;
        Ok((Self { socket: one }, Self { socket: other }))
    }

    /// Sends one message with duplicates of the descriptors. Refuses an empty message, which would look like the
    /// connection's end.
    ///
    /// # Errors
    /// `WouldBlock` when the peer's queue is full. `InvalidInput` for an empty message or more than
    /// [`MOST_DESCRIPTORS`]. `EMSGSIZE` for a message larger than the socket's buffer.
    pub fn send(&self, message: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        if message.is_empty() || descriptors.len() > MOST_DESCRIPTORS {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "an empty message, or too many descriptors",
            ));
        }
        let descriptors: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&descriptors)];
        let control = if descriptors.is_empty() { [].as_slice() } else { rights.as_slice() };
        let parts = [IoSlice::new(message)];
        let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
        sendmsg::<()>(self.socket.as_raw_fd(), &parts, control, flags, None)?;
        Ok(())
    }

    /// Receives one message with its descriptors. None when the peer has closed the connection.
    ///
    /// # Errors
    /// `WouldBlock` when there is none. `InvalidData` for a message larger than `buffer`, or with more descriptors than
    /// this process may open; those that arrived are closed.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        let mut control = cmsg_space!([RawFd; MOST_DESCRIPTORS]);
        let mut parts = [IoSliceMut::new(buffer)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_DONTWAIT;
        let message = recvmsg::<()>(self.socket.as_raw_fd(), &mut parts, Some(&mut control), flags)?;
        let truncated = message.flags.intersects(MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC);
        let length = message.bytes;
        let descriptors = rights::take(&control);
        if truncated {
            let reason = "a message larger than its buffer, or more descriptors than this process may open";
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        Ok(if length == 0 { None } else { Some(Received { length, descriptors }) })
    }

    /// The uid of the process that connected or listened (`SO_PEERCRED`), in this user namespace.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn peer_uid(&self) -> io::Result<u32> {
        Ok(getsockopt(&self.socket, sockopt::PeerCredentials)?.uid())
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl From<OwnedFd> for Connection {
    /// `socket` is a connected `SOCK_SEQPACKET` socket.
    fn from(socket: OwnedFd) -> Self {
        Self { socket: socket.into() }
    }
}

impl Address {
    fn socket_address(&self) -> io::Result<SockAddr> {
        match self {
            Self::Path(path) => SockAddr::unix(path),
            // unix(7): an abstract name starts with a null byte.
            Self::Abstract(name) => SockAddr::unix(OsStr::from_bytes(&[b"\0", name.as_bytes()].concat())),
        }
    }
}

impl FromStr for Address {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.strip_prefix('@') {
            Some(name) => Self::Abstract(name.to_owned()),
            None => Self::Path(text.into()),
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(formatter, "{}", path.display()),
            Self::Abstract(name) => write!(formatter, "@{name}"),
        }
    }
}

fn open() -> io::Result<Socket> {
    Socket::new(Domain::UNIX, Type::SEQPACKET.nonblocking(), None)
}

/// Removes an earlier process's socket, and nothing else.
fn remove_socket(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => fs::remove_file(path),
        Ok(_) => {
            Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{} is no socket", path.display())))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
