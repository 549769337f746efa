//! Dials TCP connections with the agent's sockets, which leave from the Pod's namespace.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use karez_api::outcome::{ConnectError, Failure};
use karez_capture::sockets::{Family, Kind};
use karez_hbone::member::Member;
use karez_hbone::socket::tune;
use karez_hbone::tunnels::Dialler;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::pod::Pod;
use crate::stock::PodStock;

/// How long the other side may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A local application answers at once. If it does not, the proxy tries other ports: the client may already hold a
/// connection from the first port, older than the mesh, and then the application stays silent.
const FIRST_TRY: Duration = Duration::from_millis(500);
/// How long each further try may take. The last leaves as much time as any dial gets.
const OTHER_TRIES: [Duration; 3] =
    [Duration::from_millis(1500), Duration::from_secs(3), Duration::from_secs(5)];
/// The range of those ports. They are random, because the kernel assigns its own in order, as it did for the client.
const OTHER_PORTS: RangeInclusive<u16> = 32768..=60999;
/// How many ports to draw: many ports of a busy client are still in TIME-WAIT.
const DRAWS: usize = 32;

impl Dialler for Pod {
    fn member(&self) -> &Member {
        &self.member
    }

    async fn dial(&self, to: SocketAddr) -> Result<TcpStream, Failure> {
        connect(&self.stock, to).await
    }
}

/// Connects to `to` from the Pod.
pub(crate) async fn connect(stock: &PodStock, to: SocketAddr) -> Result<TcpStream, Failure> {
    dial(stock, Kind::Outbound, to, TIMEOUT, |_| Ok(())).await
}

/// Connects to the Pod's application, with `client` as the source address if the families agree.
pub(crate) async fn application(
    stock: &PodStock,
    to: SocketAddr,
    client: IpAddr,
) -> Result<TcpStream, Failure> {
    let client = client.to_canonical();
    // A connection of an application to itself through the mesh already has that address.
    let dialled = match client == to.ip() || client.is_ipv4() != to.is_ipv4() {
        true => connect(stock, to).await,
        false => as_client(stock, to, client).await,
    };
    dialled.map_err(|failure| match failure {
        Failure::Connect { to: at, reason } => Failure::Application { at, reason },
        other => other,
    })
}

async fn as_client(stock: &PodStock, to: SocketAddr, client: IpAddr) -> Result<TcpStream, Failure> {
    let kernels = |socket: &TcpSocket| socket.bind(SocketAddr::new(client, 0));
    let mut dialled = dial(stock, Kind::Application, to, FIRST_TRY, kernels).await;
    for limit in OTHER_TRIES {
        if !matches!(dialled, Err(Failure::Connect { reason: ConnectError::TimedOut, .. })) {
            break;
        }
        let drawn = |socket: &TcpSocket| bind_elsewhere(socket, client);
        dialled = dial(stock, Kind::Application, to, limit, drawn).await;
    }
    dialled
}

async fn dial(
    stock: &PodStock,
    kind: Kind,
    to: SocketAddr,
    limit: Duration,
    bind: impl FnOnce(&TcpSocket) -> io::Result<()>,
) -> Result<TcpStream, Failure> {
    let family = if to.is_ipv4() { Family::V4 } else { Family::V6 };
    let descriptor = stock.take(kind, family).await.map_err(|_| Failure::NoSocket)?;
    let socket = TcpSocket::from_std_stream(descriptor.into());
    let failed = |error: io::Error| Failure::Connect { to, reason: ConnectError::from(&error) };
    bind(&socket).map_err(failed)?;
    let connected = timeout(limit, socket.connect(to)).await;
    let timed_out = |_| Failure::Connect { to, reason: ConnectError::TimedOut };
    let stream = connected.map_err(timed_out)?.map_err(failed)?;
    tune(&stream);
    Ok(stream)
}

/// Binds to a random, recently unused port of the client's address.
fn bind_elsewhere(socket: &TcpSocket, client: IpAddr) -> io::Result<()> {
    let mut drawn = (0..DRAWS).map(|_| socket.bind(SocketAddr::new(client, fastrand::u16(OTHER_PORTS))));
    let is_final =
        |bound: &io::Result<()>| !matches!(bound, Err(error) if error.kind() == io::ErrorKind::AddrInUse);
    drawn.find(is_final).unwrap_or(Err(io::ErrorKind::AddrInUse.into()))
}

/// Returns when the client closes or resets before the other end is connected: nobody waits any more.
pub(crate) async fn gave_up(client: &TcpStream) {
    // A client that only finished sending still waits for an answer; one that is gone shows an error here.
    let ready = client.ready(tokio::io::Interest::ERROR).await;
    if ready.is_err() {
        return;
    }
    if client.take_error().is_ok_and(|error| error.is_some()) {
        return;
    }
    std::future::pending::<()>().await;
}
