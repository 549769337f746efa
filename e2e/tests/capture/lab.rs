//! One captured Pod, one host outside, and sockets in both.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, SocketAddrV6, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_capture::capture::{self, Proxy, Settings};
use karez_capture::marks::PodMark;
use karez_capture::netns::NetworkNamespace;
use karez_capture::sockets::{Backlog, Family, Kind, Listening, open_listener, open_stock};
use karez_e2e::scratch::Scratch;
use karez_lab::network::route;
use karez_lab::privilege::Privilege;
use karez_lab::wire::Wire;
use karez_lab::{Host, Namespace, Network, Node, Pod};
use nix::net::if_::if_nametoindex;
use socket2::{Domain, Socket, Type};

/// Random, as far as those who forge can tell.
const RANDOM: u32 = 0xbada_b000;
/// Where health probes come from.
pub(crate) const PROBES: [&str; 2] = ["169.254.7.127", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff"];
/// Longer than anything here takes, unless it never comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// Long enough for what would come to have come.
pub(crate) const MOMENT: Duration = Duration::from_millis(300);

/// The Pod and its surroundings.
pub(crate) struct Lab {
    pub(crate) pod: Pod,
    pub(crate) outside: Host,
    pub(crate) privilege: Privilege,
    node: Node,
    _network: Network,
    scratch: Scratch,
}

impl Lab {
    /// A Pod that is not captured yet.
    pub(crate) fn open(name: &str) -> Result<Self> {
        let privilege = Privilege::detect()?;
        let scratch = Scratch::create(&format!("capture-{name}"))?;
        let mut network = Network::create(scratch.path())?;
        let mut node = network.node("node")?;
        let outside = network.host("outside")?;
        route(&outside, &node)?;
        let pod = node.pod(scratch.path(), "shop", "pod", "default")?;
        Ok(Self { pod, outside, privilege, node, _network: network, scratch })
    }

    /// The same, captured as by default.
    pub(crate) fn captured(name: &str) -> Result<Self> {
        let lab = Self::open(name)?;
        lab.install(&lab.settings())?;
        Ok(lab)
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            proxy: Proxy::Karez { mark: Self::mark() },
            probes: PROBES.iter().filter_map(|address| address.parse().ok()).collect(),
            dns: true,
            close_older: false,
        }
    }

    /// By what the rules know the mesh's sockets.
    pub(crate) fn mark() -> PodMark {
        PodMark::new(RANDOM)
    }

    pub(crate) fn install(&self, settings: &Settings) -> Result<capture::Installed> {
        Ok(capture::install(&self.namespace()?, settings, None)?)
    }

    pub(crate) fn namespace(&self) -> Result<NetworkNamespace> {
        Ok(NetworkNamespace::open(self.pod.namespace().path())?)
    }

    /// The Pod's address.
    pub(crate) fn pod_ip(&self, family: Family) -> IpAddr {
        match family {
            Family::V4 => self.pod.v4.into(),
            Family::V6 => self.pod.v6.into(),
        }
    }

    /// The outside host's address.
    pub(crate) fn outside_ip(&self, family: Family) -> IpAddr {
        match family {
            Family::V4 => self.outside.v4().into(),
            Family::V6 => self.outside.v6().into(),
        }
    }

    /// The node proxy's listener.
    pub(crate) fn proxy(&self, listening: Listening, family: Family) -> Result<Listener> {
        let opened = open_listener(&self.namespace()?, listening, family, Backlog::default())?;
        Listener::new(opened.into())
    }

    /// A socket of the node proxy's stock, waiting as the tests' sockets do.
    pub(crate) fn stock(&self, kind: Kind, family: Family) -> Result<Socket> {
        let opened = open_stock(&self.namespace()?, kind, family, 1, Self::mark())?;
        patient(Socket::from(one(opened)?))
    }

    /// Port 8080 of the node at its address on the Pod's link, as the Pod writes it.
    pub(crate) fn node_on_the_link(&self) -> Result<SocketAddrV6> {
        let show = ["-6", "-brief", "addr", "show", "dev", "pods", "scope", "link"];
        let shown = self.node.host().namespace().run("ip", &show)?;
        let address = shown.split_whitespace().find_map(|word| word.strip_suffix("/64"));
        let ip = address.with_context(|| format!("no address in {shown:?}"))?.parse()?;
        let index = inside(self.pod.namespace(), || Ok(if_nametoindex("eth0")?))?;
        Ok(SocketAddrV6::new(ip, 8080, 0, index))
    }

    /// A listener of the application, or of anybody in the Pod.
    pub(crate) fn listen_in_pod(&self, port: u16) -> Result<Listener> {
        listen(self.pod.namespace(), port)
    }

    /// A listener outside.
    pub(crate) fn listen_outside(&self, port: u16) -> Result<Listener> {
        listen(self.outside.namespace(), port)
    }

    /// Dials from the Pod.
    pub(crate) fn dial_from_pod(&self, to: SocketAddr) -> Result<TcpStream> {
        dial(self.pod.namespace(), to)
    }

    /// Dials from the Pod, from an address and port of its own.
    pub(crate) fn dial_from_pod_as(&self, from: SocketAddr, to: SocketAddr) -> Result<TcpStream> {
        inside(self.pod.namespace(), || {
            let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
            socket.bind(&from.into())?;
            socket.connect_timeout(&to.into(), PATIENCE)?;
            Ok(patient(socket)?.into())
        })
    }

    /// Dials from outside.
    pub(crate) fn dial_from_outside(&self, to: SocketAddr) -> Result<TcpStream> {
        dial(self.outside.namespace(), to)
    }

    /// Where the lab keeps its files.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.scratch.path()
    }

    /// The node that the Pod is on.
    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    /// All that crosses the Pod's interface.
    pub(crate) fn wire(&self) -> Result<Wire> {
        // The bridge's port names the first Pod p2: number 1 is the node itself.
        Wire::tap(self.node.host().namespace(), "p2", self.scratch.path(), "tcp or udp")
    }
}

/// A listening socket that does not wait for ever.
pub(crate) struct Listener(TcpListener);

impl Listener {
    fn new(socket: Socket) -> Result<Self> {
        Ok(Self(patient(socket)?.into()))
    }

    pub(crate) fn accept(&self) -> Result<TcpStream> {
        let (stream, _) = self.0.accept().context("nobody came")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    /// Fails when somebody comes.
    pub(crate) fn ensure_unvisited(&self) -> Result<()> {
        Socket::from(self.0.try_clone()?).set_read_timeout(Some(MOMENT))?;
        let visit = self.0.accept();
        Socket::from(self.0.try_clone()?).set_read_timeout(Some(PATIENCE))?;
        ensure!(visit.is_err(), "a connection came that should not have: {visit:?}");
        Ok(())
    }
}

/// Does something inside a namespace.
pub(crate) fn inside<R: Send>(namespace: &Namespace, work: impl FnOnce() -> Result<R> + Send) -> Result<R> {
    NetworkNamespace::open(namespace.path())?.run(work)?
}

/// Dials inside a namespace.
pub(crate) fn dial(namespace: &Namespace, to: SocketAddr) -> Result<TcpStream> {
    let stream = inside(namespace, || Ok(TcpStream::connect_timeout(&to, PATIENCE)?))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn listen(namespace: &Namespace, port: u16) -> Result<Listener> {
    inside(namespace, || {
        let socket = Socket::new(Domain::IPV6, Type::STREAM, None)?;
        socket.set_only_v6(false)?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, port)).into())?;
        socket.listen(16)?;
        Listener::new(socket)
    })
}

/// Blocking, but not for ever.
pub(crate) fn patient(socket: Socket) -> Result<Socket> {
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

fn one(mut sockets: Vec<OwnedFd>) -> Result<OwnedFd> {
    sockets.pop().context("no socket")
}

/// An IPv4 address without the IPv6 around it that a dual-stack socket shows.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Sends `text` one way and checks that it arrives.
pub(crate) fn carries(from: &TcpStream, to: &TcpStream, text: &str) -> Result<()> {
    (&mut &*from).write_all(text.as_bytes()).with_context(|| format!("sending {text:?}"))?;
    let mut buffer = vec![0; text.len()];
    (&mut &*to).read_exact(&mut buffer).with_context(|| format!("receiving {text:?}"))?;
    ensure!(buffer == text.as_bytes(), "{text:?} became {:?}", String::from_utf8_lossy(&buffer));
    Ok(())
}

/// Checks that bytes go both ways.
pub(crate) fn both_ways(one: &TcpStream, other: &TcpStream, text: &str) -> Result<()> {
    carries(one, other, text)?;
    carries(other, one, text)
}

/// Checks that the connection's other end has been reset or closed by the kernel.
pub(crate) fn ensure_dead(stream: &TcpStream) -> Result<()> {
    let result = (&mut &*stream).read(&mut [0; 16]);
    let kind = result.as_ref().err().map(std::io::Error::kind);
    let dead =
        matches!(kind, Some(std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::ConnectionAborted));
    ensure!(dead, "the connection is not reset: {result:?}");
    Ok(())
}
