//! Packets over a connected socket, on any tokio runtime.

mod socket_path;

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::Arc;
use std::time::Duration;

use karez_capture::seqpacket::{self, Address};
use tokio::io::Interest;
use tokio::net::UnixStream;

use crate::packet::Packet;

/// Delay after the first failed attempt to connect; it doubles.
const FIRST_DELAY: Duration = Duration::from_millis(20);
/// Greatest delay between two attempts: a restarted agent waits for its listeners.
const GREATEST_DELAY: Duration = Duration::from_millis(500);

/// An asynchronous connection. Both calls are cancel-safe: a packet is sent or received whole, or not at all.
#[derive(Debug)]
pub struct Channel {
    connection: Watched<seqpacket::Connection>,
    largest: usize,
}

/// An asynchronous listening socket.
#[derive(Debug)]
pub struct Listener {
    listener: Watched<seqpacket::Listener>,
}

impl Channel {
    /// Wraps a connection whose packets have at most `largest` bytes. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// When the runtime cannot watch the socket.
    pub fn new(connection: seqpacket::Connection, largest: usize) -> io::Result<Self> {
        Ok(Self { connection: Watched::new(connection)?, largest })
    }

    /// Connects to the agent at `address`. With a uid, it refuses a peer that may not be the agent: the agent runs as
    /// that uid, and only root or that uid could have placed a socket at a path.
    ///
    /// # Errors
    /// When nobody listens there, or the listener is not the agent.
    pub fn connect(address: &Address, agent_uid: Option<u32>, largest: usize) -> io::Result<Self> {
        let trusted = match (address, agent_uid) {
            (Address::Path(path), Some(uid)) => Some(Address::Path(socket_path::trusted(path, uid)?)),
            (Address::Path(_) | Address::Abstract(_), _) => None,
        };
        let address = trusted.as_ref().unwrap_or(address);
        let channel = Self::new(seqpacket::Connection::connect(address)?, largest)?;
        channel.expect_uid(agent_uid)?;
        Ok(channel)
    }

    /// The uid of the process at the other end.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn peer_uid(&self) -> io::Result<u32> {
        self.connection.socket.peer_uid()
    }

    /// Refuses a peer whose uid differs from `expected`, if given.
    ///
    /// # Errors
    /// When the uid differs.
    pub fn expect_uid(&self, expected: Option<u32>) -> io::Result<()> {
        let uid = self.peer_uid()?;
        if expected.is_none_or(|expected| expected == uid) {
            return Ok(());
        }
        let message = format!("the peer runs as uid {uid}, which is not trusted here");
        Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
    }

    /// Sends one packet.
    ///
    /// # Errors
    /// When the connection is broken.
    pub async fn send(&self, packet: &Packet) -> io::Result<()> {
        let descriptors: Vec<_> = packet.descriptors.iter().map(AsFd::as_fd).collect();
        self.connection.when(Interest::WRITABLE, |socket| socket.send(&packet.bytes, &descriptors)).await
    }

    /// Receives one packet. None when the peer has closed the connection.
    ///
    /// # Errors
    /// When the connection is broken, or a packet is truncated.
    pub async fn receive(&self) -> io::Result<Option<Packet>> {
        let receive = |socket: &seqpacket::Connection| {
            let mut bytes = vec![0; self.largest];
            let received = socket.receive(&mut bytes)?;
            Ok(received.map(|received| {
                bytes.truncate(received.length);
                bytes.shrink_to_fit();
                Packet { bytes, descriptors: received.descriptors.into_iter().map(Arc::new).collect() }
            }))
        };
        self.connection.when(Interest::READABLE, receive).await
    }
}

impl Listener {
    /// Listens at `address`. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// When the address is taken or cannot be made.
    pub fn bind(address: &Address) -> io::Result<Self> {
        Self::new(seqpacket::Listener::bind(address)?)
    }

    /// Takes a socket that listens already, in whatever network namespace. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// When the runtime cannot watch it.
    pub fn new(listener: seqpacket::Listener) -> io::Result<Self> {
        Ok(Self { listener: Watched::new(listener)? })
    }

    /// Accepts a connection whose packets have at most `largest` bytes.
    ///
    /// # Errors
    /// When the process has no descriptors left; try again later.
    pub async fn accept(&self, largest: usize) -> io::Result<Channel> {
        let accepted = self.listener.when(Interest::READABLE, seqpacket::Listener::accept).await?;
        Channel::new(accepted, largest)
    }
}

/// How long to wait after failed attempt number `attempt` (0 is the first) to connect to the agent. Both run on one
/// node and nobody else tries, so the delay needs no jitter.
pub(crate) fn retry_delay(attempt: u32) -> Duration {
    FIRST_DELAY.saturating_mul(1 << attempt.min(16)).min(GREATEST_DELAY)
}

/// A socket with readiness. tokio does not support `SOCK_SEQPACKET`, but can watch any Unix socket as a stream, through
/// a duplicate descriptor.
#[derive(Debug)]
struct Watched<T> {
    socket: T,
    readiness: UnixStream,
}

impl<T: AsFd> Watched<T> {
    fn new(socket: T) -> io::Result<Self> {
        let duplicate = StdStream::from(socket.as_fd().try_clone_to_owned()?);
        Ok(Self { readiness: UnixStream::from_std(duplicate)?, socket })
    }

    /// Runs `work` until it no longer returns `WouldBlock`.
    async fn when<R>(&self, interest: Interest, mut work: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.readiness.async_io(interest, || work(&self.socket)).await
    }
}
