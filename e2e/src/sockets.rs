//! A test's own sockets in a namespace: for what no program does on demand.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_lab::Namespace;
use socket2::{Domain, SockRef, Socket, Type};

/// Longer than anything here takes, unless it never comes.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Dials inside a namespace; reads and writes of the connection do not wait for ever.
///
/// # Errors
/// When nobody answers.
pub fn dial(namespace: &Namespace, to: impl AsRef<str>) -> Result<TcpStream> {
    let to: SocketAddr = to.as_ref().parse().with_context(|| to.as_ref().to_owned())?;
    let stream = namespace
        .inside(|| TcpStream::connect_timeout(&to, PATIENCE))?
        .with_context(|| format!("dialling {to} in {}", namespace.name()))?;
    patient(stream)
}

/// A listener on every address of a namespace that does not wait for ever.
#[derive(Debug)]
pub struct Listener(TcpListener);

/// Listens inside a namespace, IPv4 and IPv6.
///
/// # Errors
/// When the port cannot be had.
pub fn listen(namespace: &Namespace, port: u16) -> Result<Listener> {
    listen_on(namespace, (Ipv6Addr::UNSPECIFIED, port).into(), false)
}

/// Listens inside a namespace, on one family alone.
///
/// # Errors
/// When the address cannot be had.
pub fn listen_at(namespace: &Namespace, at: SocketAddr) -> Result<Listener> {
    listen_on(namespace, at, true)
}

fn listen_on(namespace: &Namespace, at: SocketAddr, only_own_family: bool) -> Result<Listener> {
    let socket = namespace.inside(|| {
        let socket = Socket::new(Domain::for_address(at), Type::STREAM, None)?;
        if at.is_ipv6() {
            socket.set_only_v6(only_own_family)?;
        }
        socket.set_reuse_address(true)?;
        socket.bind(&at.into())?;
        socket.listen(128)?;
        // It holds for accept too.
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok::<_, std::io::Error>(socket)
    })?;
    Ok(Listener(socket?.into()))
}

impl Listener {
    /// The next connection.
    ///
    /// # Errors
    /// When nobody comes in time.
    pub fn accept(&self) -> Result<TcpStream> {
        patient(self.0.accept().context("nobody came")?.0)
    }
}

/// Sends `text` and checks that it arrives.
///
/// # Errors
/// When it does not, or as something else.
pub fn carries(from: &TcpStream, to: &TcpStream, text: &str) -> Result<()> {
    (&mut &*from).write_all(text.as_bytes()).with_context(|| format!("sending {text:?}"))?;
    let mut buffer = vec![0; text.len()];
    (&mut &*to).read_exact(&mut buffer).with_context(|| format!("receiving {text:?}"))?;
    ensure!(buffer == text.as_bytes(), "{text:?} became {:?}", String::from_utf8_lossy(&buffer));
    Ok(())
}

/// Sends `text` to a server that sends back what it gets, and waits for it.
///
/// # Errors
/// When it does not come back.
pub fn echoes(stream: &TcpStream, text: &str) -> Result<()> {
    carries(stream, stream, text)
}

/// Whether a server that sends back what it gets is reached: not, when the connection is reset instead, at whatever step.
///
/// # Errors
/// When it is neither: silent, or ended as if the server had answered.
pub fn is_admitted(namespace: &Namespace, to: impl AsRef<str>) -> Result<bool> {
    let Err(error) = dial(namespace, to).and_then(|stream| echoes(&stream, "let me in")) else {
        return Ok(true);
    };
    match error.downcast_ref().map(std::io::Error::kind) {
        Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => Ok(false),
        _ => Err(error),
    }
}

/// Everything up to the end of the stream.
///
/// # Errors
/// When it does not end, or not well.
pub fn rest(stream: &TcpStream) -> Result<String> {
    let mut text = String::new();
    (&mut &*stream).read_to_string(&mut text).context("reading to the end")?;
    Ok(text)
}

/// Makes closing the connection reset it.
///
/// # Errors
/// When the socket refuses.
pub fn reset(stream: TcpStream) -> Result<()> {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    drop(stream);
    Ok(())
}

/// Checks that the other side has reset the connection: not finished it, not fallen silent.
///
/// # Errors
/// When it is otherwise.
pub fn ensure_reset(stream: &TcpStream) -> Result<()> {
    let read = (&mut &*stream).read(&mut [0; 16]);
    let is_reset = read.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionReset);
    ensure!(is_reset, "not reset: {read:?}");
    Ok(())
}

fn patient(stream: TcpStream) -> Result<TcpStream> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
