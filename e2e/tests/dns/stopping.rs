//! Questions that are on their way when nobody takes new ones any more.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use karez_e2e::shop::Shop;
use karez_e2e::sockets::{self, PATIENCE};
use karez_lab::{Pod, wait};
use nix::sys::signal::Signal;

use crate::raw::{self, A};
use crate::world::ELSEWHERE;

/// What a question takes that the mesh answers itself.
const SOON: Duration = Duration::from_millis(500);

/// One question by datagram and one by stream, which a server outside the mesh has and has not answered.
struct Asked {
    server: SocketAddr,
    message: Vec<u8>,
    datagram: Asking<UdpSocket>,
    stream: Asking<TcpStream>,
    /// Who is told of the mesh's names meanwhile.
    other: UdpSocket,
}

/// The client's end of it, and the server's.
struct Asking<S> {
    client: S,
    server: S,
}

impl Asked {
    fn of(shop: &Shop) -> Result<Self> {
        let (web, host) = (&shop.web, &shop.outside);
        let server = SocketAddr::new(host.v4().into(), 53);
        let message = raw::query(7, ELSEWHERE, A)?;
        let other = raw::socket(web.namespace(), web.v4.into(), 0)?;
        other.set_read_timeout(Some(SOON))?;

        let udp = raw::socket(host.namespace(), server.ip(), 53)?;
        let client = raw::socket(web.namespace(), web.v4.into(), 0)?;
        client.send_to(&message, server)?;
        let (_, proxy) = udp.recv_from(&mut [0; 512]).context("the server was not asked")?;
        udp.connect(proxy)?;
        let datagram = Asking { client, server: udp };

        let listening = sockets::listen(host.namespace(), 53)?;
        let mut client = sockets::dial(web.namespace(), server.to_string())?;
        client.write_all(&framed(&message)?)?;
        let mut tcp = listening.accept().context("the server was not asked by stream")?;
        tcp.read_exact(&mut vec![0; message.len() + 2])?;
        let stream = Asking { client, server: tcp };
        Ok(Self { server, message, datagram, stream, other })
    }

    /// Whether the mesh still takes questions.
    fn is_taken(&self) -> Result<bool> {
        self.other.send_to(&raw::query(9, "api.shop", A)?, self.server)?;
        match self.other.recv_from(&mut [0; 512]) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The server answers both, and both are heard.
    fn ensure_answered(&mut self) -> Result<()> {
        self.datagram.server.send(&self.message)?;
        self.stream.server.write_all(&framed(&self.message)?)?;
        let mut answer = vec![0; 512];
        let (length, from) = self.datagram.client.recv_from(&mut answer).context("no answer came")?;
        ensure!(
            from == self.server && answer.get(..length) == Some(&self.message[..]),
            "{length} bytes of {from}"
        );
        let mut answer = vec![0; self.message.len() + 2];
        self.stream.client.set_read_timeout(Some(PATIENCE))?;
        self.stream.client.read_exact(&mut answer).context("no answer came by stream")?;
        ensure!(answer == framed(&self.message)?, "{answer:?}");
        self.stream.client.shutdown(std::net::Shutdown::Write)?;
        Ok(())
    }
}

fn framed(message: &[u8]) -> Result<Vec<u8>> {
    Ok([&u16::try_from(message.len())?.to_be_bytes(), message].concat())
}

#[test]
fn are_answered_though_the_node_proxy_was_told_to_stop() -> Result<()> {
    let mut shop = Shop::open("dns-stopped", &[(80, 8080)])?;
    let mut asked = Asked::of(&shop)?;
    let mut leaving = shop.mesh.proxy("n1")?.take().context("no proxy")?;
    ensure!(asked.is_taken()?, "the mesh does not answer");
    leaving.signal(Signal::SIGTERM)?;
    wait::until("new questions to wait", PATIENCE, || {
        ensure!(!asked.is_taken()?, "one was answered");
        Ok(())
    })?;
    asked.ensure_answered()?;
    let status = leaving.wait(PATIENCE)?;
    ensure!(status.success(), "it ended with {status}");
    // What waited is for the next one.
    shop.mesh.start_node("n1")?;
    asked.other.set_read_timeout(Some(PATIENCE))?;
    asked.other.recv_from(&mut [0; 512]).context("the next one does not answer")?;
    Ok(())
}

#[test]
fn are_answered_though_the_pod_is_on_its_way_out() -> Result<()> {
    let shop = Shop::open("dns-removed", &[(80, 8080)])?;
    let mut asked = Asked::of(&shop)?;
    std::thread::scope(|scope| {
        let removed = scope.spawn(|| shop.mesh.remove(&shop.web));
        wait::until("the Pod to be leaving", PATIENCE, || is_leaving(&shop.web))?;
        ensure!(!removed.is_finished(), "it was not waited for");
        asked.ensure_answered()?;
        let Ok(removed) = removed.join() else { bail!("the removal panicked") };
        removed
    })
}

/// Whether its rules redirect nothing any more.
fn is_leaving(pod: &Pod) -> Result<()> {
    let rules = pod.namespace().run("nft", &["list", "table", "inet", "karez"])?;
    ensure!(!rules.contains("redirect to"), "{rules}");
    Ok(())
}
