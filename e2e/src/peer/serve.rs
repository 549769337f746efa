//! Servers, one behaviour a port.

use std::io;
use std::net::{Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What a server does with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Sends back every byte.
    Echo,
    /// Reads everything and answers nothing.
    Sink,
    /// Sends zeros until the client has had enough.
    Source,
    /// Says who the client is: `IP PORT`, one line; then closes.
    Whoami,
    /// Accepts and does nothing.
    Silent,
    /// Reads to the end of the stream, then says how many bytes came and their FNV-1a hash: `BYTES HASH`, one line.
    Count,
    /// Resets the connection once a first byte has come.
    Reset,
}

/// Listens on `port` of every address, IPv4 and IPv6, and serves until the process ends.
///
/// # Errors
/// When the port cannot be had.
pub async fn serve(behaviour: Behaviour, port: u16) -> io::Result<()> {
    let listener = listen(port)?;
    loop {
        let Ok((stream, client)) = listener.accept().await else { continue };
        tokio::spawn(async move {
            // A client that goes away is its own affair.
            let _ = answer(behaviour, stream, client).await;
        });
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_only_v6(false)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into())?;
    socket.listen(8192)?;
    TcpListener::from_std(socket.into())
}

async fn answer(behaviour: Behaviour, mut stream: TcpStream, client: SocketAddr) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match behaviour {
        Behaviour::Echo => echo(stream).await,
        Behaviour::Sink => tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(|_| ()),
        Behaviour::Source => loop {
            stream.write_all(&[0; 65536]).await?;
        },
        Behaviour::Whoami => {
            let line = format!("{} {}\n", client.ip().to_canonical(), client.port());
            stream.write_all(line.as_bytes()).await?;
            stream.shutdown().await
        }
        Behaviour::Silent => std::future::pending().await,
        Behaviour::Count => count(stream).await,
        Behaviour::Reset => {
            stream.read_exact(&mut [0]).await?;
            socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO))
        }
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        // An idle connection holds no buffer beyond the first: thousands of them are held in the bench.
        let count = stream.read(&mut buffer).await?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return stream.shutdown().await;
        };
        stream.write_all(bytes).await?;
    }
}

async fn count(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let (mut total, mut hash) = (0_u64, Fnv::default());
    loop {
        let count = stream.read(&mut buffer).await?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        total += bytes.len() as u64;
        hash.add(bytes);
    }
    stream.write_all(format!("{total} {:016x}\n", hash.0).as_bytes()).await?;
    stream.shutdown().await
}

/// FNV-1a, 64 bits: order and content of a stream in one number.
#[derive(Debug, Clone, Copy)]
pub struct Fnv(pub u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    /// Adds the next bytes of the stream.
    pub fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
