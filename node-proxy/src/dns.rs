//! Serves a Pod's DNS queries. The worker's mesh answers the mesh's names; the Pod's own server answers the rest.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::rc::Rc;
use std::sync::Arc;

use karez_capture::sockets::{Family, Kind};
use karez_capture::{datagram, original_destination};
use karez_dns::Task;
use karez_dns::tcp::{self, TcpSockets};
use karez_dns::udp::{self, Query, UdpSockets};
use karez_handover::listener::Listener;
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::dial;
use crate::pod::Pod;
use crate::share::Share;

/// Longest accepted message: EDNS resolvers offer 4 KiB at most.
const LONGEST_QUERY: usize = 8 * 1024;

/// Serves captured datagrams of one listener until it is dropped; earlier queries are still answered.
pub(crate) async fn serve_udp(share: Rc<Share>, listener: Listener) -> io::Result<()> {
    // A separate registration, because every worker polls the same socket.
    let socket = std::net::UdpSocket::from(listener.as_fd().try_clone_to_owned()?);
    socket.set_nonblocking(true)?;
    let socket = UdpSocket::from_std(socket)?;
    let resolver = Rc::clone(&share.resolver);
    let spawn = |task| serve_beside(&share.pod, task);
    match udp::serve(Rc::new(Datagrams { socket, pod: Arc::clone(&share.pod) }), resolver, spawn).await {}
}

/// Serves captured connections of one listener until it is dropped; earlier queries are still answered.
pub(crate) async fn serve_tcp(share: Rc<Share>, listener: TcpListener) -> io::Result<()> {
    let resolver = Rc::clone(&share.resolver);
    let spawn = |task| serve_beside(&share.pod, task);
    match tcp::serve(Rc::new(Connections { listener, pod: Arc::clone(&share.pod) }), resolver, spawn).await {}
}

/// Answers earlier queries even without a polled listener, as long as the Pod is carried. A stopping Pod is released
/// only afterwards.
fn serve_beside(pod: &Arc<Pod>, task: Task) {
    let pod = Arc::clone(pod);
    let query = pod.begin_query();
    tokio::task::spawn_local(async move {
        tokio::select! {
            () = task => {}
            () = pod.gone() => {}
        }
        drop(query);
    });
}

struct Datagrams {
    socket: UdpSocket,
    pod: Arc<Pod>,
}

impl Datagrams {
    async fn socket(&self, kind: Kind, server: SocketAddr) -> io::Result<UdpSocket> {
        let family = if server.is_ipv4() { Family::V4 } else { Family::V6 };
        let descriptor = self.pod.stock.take(kind, family).await.map_err(io::Error::other)?;
        let socket = std::net::UdpSocket::from(descriptor);
        socket.set_nonblocking(true)?;
        UdpSocket::from_std(socket)
    }
}

impl UdpSockets for Datagrams {
    async fn receive(&self) -> io::Result<Query> {
        let mut buffer = vec![0; LONGEST_QUERY];
        let received =
            self.socket.async_io(Interest::READABLE, || datagram::receive(&self.socket, &mut buffer));
        let datagram = received.await?;
        buffer.truncate(datagram.length);
        buffer.shrink_to_fit();
        Ok(Query { bytes: buffer, client: datagram.client, server: datagram.server })
    }

    async fn upstream(&self, server: SocketAddr) -> io::Result<UdpSocket> {
        let socket = self.socket(Kind::DnsForward, server).await?;
        socket.connect(server).await?;
        Ok(socket)
    }

    async fn reply(&self, server: SocketAddr, client: SocketAddr, answer: &[u8]) -> io::Result<()> {
        let socket = self.socket(Kind::DnsReply, server).await?;
        // A rule in the Pod sets the port: see `Kind::DnsReply`.
        socket2::SockRef::from(&socket).bind(&SocketAddr::new(server.ip(), 0).into())?;
        socket.send_to(answer, client).await.map(|_| ())
    }
}

struct Connections {
    listener: TcpListener,
    pod: Arc<Pod>,
}

impl TcpSockets for Connections {
    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, _) = self.listener.accept().await?;
        let asked = original_destination(&stream);
        let server = asked.ok_or_else(|| io::Error::other("a DNS connection that was not redirected"))?;
        Ok((stream, server))
    }

    async fn dial(&self, server: SocketAddr) -> io::Result<TcpStream> {
        dial::connect(&self.pod.stock, server).await.map_err(io::Error::other)
    }

    async fn stopping(&self) {
        self.pod.stopping().await;
    }
}
