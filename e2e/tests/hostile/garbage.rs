//! Bytes that mean nothing, on every port that the mesh opens in a Pod.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::access_log::{self, Line};
use karez_e2e::hbone::tls;
use karez_e2e::sockets::{self, PATIENCE};
use karez_lab::Namespace;

use crate::target::Target;

const CLEAR: &str = "HTTP/2 in the clear";

#[test]
fn garbage_on_15008_is_refused_with_or_without_tls() -> Result<()> {
    let mut target = Target::open("garbage")?;
    let samples: [(&str, Vec<u8>); 7] = [
        ("HTTP/1.1", b"GET / HTTP/1.1\r\nHost: api\r\n\r\n".to_vec()),
        (CLEAR, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec()),
        ("SSL 2", b"\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10".repeat(4)),
        ("a record that is too long", [&[22, 3, 1, 0xff, 0xff][..], &noise(1, 70_000)].concat()),
        ("a message of no type", [&[22, 3, 1, 0, 8, 0xfe, 0, 0, 4][..], &[0; 4]].concat()),
        ("nothing but zeros", vec![0; 4096]),
        ("noise", noise(2, 100_000)),
    ];
    for (what, bytes) in &samples {
        let mut tcp = target.dial(15008)?;
        let peer = tcp.local_addr()?.to_string();
        ensure_refused(what, &mut tcp, bytes)?;
        let line = access_log::wait_for(&target.shop.mesh, "n2", what, |line| line.text("src.addr") == peer)?;
        ensure!(
            line.text("response_flags") == "TLS_FAILURE" && line.text("error").contains(&peer),
            "{what}: {line}"
        );
    }
    // Inside TLS this is good HTTP/2: a tunnel without requests.
    for (what, bytes) in samples.iter().filter(|(what, _)| *what != CLEAR) {
        let tcp = target.dial(15008)?;
        let peer = tcp.local_addr()?.to_string();
        let mut tls = tls::dial(tcp, tls::client(Some(&target.mallory))?)?;
        ensure_refused(what, &mut tls, bytes)?;
        let ended = |line: &Line| line.text("src.addr") == peer;
        let line = access_log::wait_for(&target.shop.mesh, "n2", what, ended)?;
        ensure!(line.text("response_flags") == "H2_HANDSHAKE_FAILURE", "{what}: {line}");
    }
    target.ensure_alive()
}

#[test]
fn the_meshs_own_ports_take_nothing_that_was_not_redirected_to_them() -> Result<()> {
    let mut target = Target::open("own-ports")?;
    let outside = target.shop.outside.namespace();
    for port in [15001, 15053] {
        ensure!(!sockets::is_admitted(outside, target.at(port))?, "{port} serves a stranger");
        let why = format!("port {port} belongs to the mesh itself");
        let said = |line: &Line| line.text("error").contains(&why);
        let line = access_log::wait_for(&target.shop.mesh, "n2", "its refusal", said)?;
        ensure!(line.text("src.addr").starts_with(&format!("{}:", target.shop.outside.v4())), "{line}");
    }
    // A port cannot be redirected to itself, so the rules refuse what comes to this one.
    ensure_nobody_listens(outside, &target.at(15006))?;
    let api = &target.shop.api;
    let own: [IpAddr; 4] =
        [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into(), api.v4.into(), api.v6.into()];
    for to in own.into_iter().flat_map(|ip| [15001, 15006, 15053].map(|port| SocketAddr::new(ip, port))) {
        ensure_nobody_listens(api.namespace(), &to.to_string())?;
    }
    for from in [api.namespace(), outside] {
        let socket = from.inside(|| UdpSocket::bind("0.0.0.0:0"))??;
        socket.connect((api.v4, 15053))?;
        ensure!(asks(&socket, &query(7))?.is_none(), "port 15053 answers {}", from.name());
    }
    target.ensure_alive()
}

#[test]
fn garbage_instead_of_dns_is_survived() -> Result<()> {
    let mut target = Target::open("dns-garbage")?;
    let web = target.shop.web.namespace();
    let server: SocketAddr = (target.shop.outside.v4(), 53).into();
    let socket = web.inside(|| UdpSocket::bind("0.0.0.0:0"))??;
    socket.connect(server)?;
    for number in 0..500 {
        let mut packet = noise(number, 1 + usize::from(number) * 3);
        // Half of it looks like a query at first.
        if number % 2 == 0 {
            packet.splice(0..packet.len().min(12), query(number).into_iter().take(12));
        }
        // ICMP may tell that nobody listens where it was forwarded to.
        socket.send(&packet).ok();
    }
    for number in 0..20 {
        let mut tcp = sockets::dial(web, server.to_string())?;
        tcp.write_all(&noise(number, 5000)).ok();
    }
    let answered = || asks(&socket, &query(9));
    let answer = karez_lab::wait::until("an answer", PATIENCE, || answered()?.context("none"))?;
    ensure!(
        answer.windows(4).any(|bytes| bytes == [10, 96, 0, 10]),
        "{answer:?} is not the Service's address"
    );
    target.ensure_alive()
}

/// Writes everything, and checks that the other end ends the connection without an answer.
fn ensure_refused(
    what: &str,
    stream: &mut (impl std::io::Read + std::io::Write),
    bytes: &[u8],
) -> Result<()> {
    // It may be ended before all is written.
    let _ = stream.write_all(bytes).and_then(|()| stream.flush());
    let mut said = Vec::new();
    let ended = std::io::Read::by_ref(stream).take(1 << 16).read_to_end(&mut said);
    let silent = ended
        .as_ref()
        .is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    ensure!(!silent, "{what}: the connection stays open");
    ensure!(said.len() < 256, "{what}: answered with {} bytes", said.len());
    Ok(())
}

fn ensure_nobody_listens(namespace: &Namespace, to: &str) -> Result<()> {
    let dialled = sockets::dial(namespace, to);
    let kind = dialled.as_ref().err().and_then(|error| error.downcast_ref().map(std::io::Error::kind));
    ensure!(kind == Some(ErrorKind::ConnectionRefused), "{to} from {}: {dialled:?}", namespace.name());
    Ok(())
}

/// The same bytes for the same seed.
fn noise(seed: u16, length: usize) -> Vec<u8> {
    let mut state = u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

/// Asks for the address of `api.shop.svc.cluster.local` (RFC 1035 section 4).
fn query(id: u16) -> Vec<u8> {
    let mut query = id.to_be_bytes().to_vec();
    query.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in ["api", "shop", "svc", "cluster", "local"] {
        query.push(label.len().to_le_bytes()[0]);
        query.extend(label.bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    query
}

/// The answer, if one comes soon.
fn asks(socket: &UdpSocket, query: &[u8]) -> Result<Option<Vec<u8>>> {
    const SOON: Duration = Duration::from_millis(500);
    socket.set_read_timeout(Some(SOON))?;
    socket.send(query)?;
    let mut answer = [0; 512];
    loop {
        match socket.recv(&mut answer) {
            Ok(length) if answer.first_chunk::<2>() == query.first_chunk() => {
                return Ok(Some(answer.into_iter().take(length).collect()));
            }
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(None);
            }
            // What was sent before found nobody.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(error.into()),
        }
    }
}
