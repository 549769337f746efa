//! Connections on which the next step never comes.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::access_log::{self, Line};
use karez_e2e::hbone::pki::Credential;
use karez_e2e::hbone::tls;
use karez_e2e::peers;
use karez_e2e::shop::Shop;
use karez_e2e::sockets::{self, PATIENCE};
use karez_lab::{Settings, wait};

use crate::target::Target;

/// Each of the mesh's own waits is 10 s.
const LIMIT: Duration = Duration::from_secs(15);
const EACH: usize = 50;

#[test]
fn silent_connections_hinder_nobody_and_are_closed_in_time() -> Result<()> {
    let mut target = Target::open("silence")?;
    let before = target.counts("process_open_fds")?;
    let mut peers = HashSet::new();
    target.beside_others(LIMIT, |target| {
        let silent: Vec<_> =
            (0..4 * EACH).map(|number| fall_silent(number, target)).collect::<Result<_>>()?;
        for tcp in &silent {
            peers.insert(tcp.local_addr()?.to_string());
        }
        silent.iter().try_for_each(ensure_ended)
    })?;
    wait::until("each of them to be in the log, or counted", PATIENCE, || {
        let lines = access_log::lines(&target.shop.mesh, "n2");
        let late = lines.iter().filter(|line| {
            let error = line.text("error");
            error.contains("handshake timed out") && error.contains(line.text("src.addr"))
        });
        let late: HashSet<_> = late.map(|line| line.text("src.addr").to_owned()).collect();
        let logged = peers.intersection(&late).count();
        let left_out = usize::try_from(target.counts("karez_access_log_left_out_total")?)?;
        ensure!(
            left_out > 0 && logged + left_out >= peers.len(),
            "{logged} and {left_out} of {}",
            peers.len()
        );
        Ok(())
    })?;
    // The work beside them has left a stock of sockets, which shrinks every 15 s.
    wait::until("the descriptors to be given back", 4 * PATIENCE, || {
        let now = target.counts("process_open_fds")?;
        ensure!(now < before + EACH as u64, "{before} became {now}");
        Ok(())
    })
}

/// Under this limit of open files.
const OPEN_FILES: u32 = 4096;
/// A sixteenth of it.
const HANDSHAKES: usize = 256;
/// What so many handshakes may take, where each has sent as much as it may, and some for what goes on beside them.
const MEMORY: u64 = 24 << 20;

#[test]
fn a_flood_of_unfinished_handshakes_takes_places_from_itself_alone() -> Result<()> {
    let node_arguments = ["--pod-connections".to_owned(), "40".to_owned()].to_vec();
    let settings = Settings { node_arguments, node_open_files: Some(OPEN_FILES), ..Settings::default() };
    let mut target = Target::open_with("unfinished", settings)?;
    let honest = target.shop.mesh.outside("honest")?;
    let Shop { mesh, web, api, .. } = &target.shop;
    let _server = peers::peer(mesh, web, &["--echo", "9090"])?;
    let before = target.counts("process_resident_memory_bytes")?;

    let mut slow = Slow::begin(sockets::dial(honest.namespace(), target.at(15008))?, &target.mallory)?;
    let mut flood = Vec::new();
    for _ in 0..2 * HANDSHAKES {
        let mut tcp = target.dial(15008)?;
        // The ones that gave way are closed already.
        let _ = tcp.write_all(&unfinished_hello(28 << 10));
        flood.push(tcp);
    }
    let displaced = |line: &Line| line.text("error").contains("limit of unproven clients is reached");
    let line = access_log::wait_for(mesh, "n2", "a client that gave way", displaced)?;
    ensure!(line.text("response_flags") == "LIMIT", "{line}");
    ensure!(target.counts("karez_unproven_clients")? <= HANDSHAKES as u64);
    let after = target.counts("process_resident_memory_bytes")?;
    ensure!(after < before + MEMORY, "{before} bytes of memory became {after}");

    slow.finish().context("the client that came first, from another address")?;
    // Each worker of the client's node needs a tunnel of its own.
    for _ in 0..10 {
        sockets::echoes(&sockets::dial(web.namespace(), target.at(8080))?, "inwards")?;
        sockets::echoes(&sockets::dial(api.namespace(), format!("{}:9090", web.v4))?, "outwards")?;
    }
    drop(flood);
    Ok(())
}

#[test]
fn a_first_message_without_end_is_cut_off_and_said_so() -> Result<()> {
    let target = Target::open("endless-hello")?;
    let mut tcp = target.dial(15008)?;
    let peer = tcp.local_addr()?.to_string();
    // It may be cut off before all is written.
    let _ = tcp.write_all(&unfinished_hello(60 << 10));
    ensure_ended(&tcp)?;
    let ended = |line: &Line| line.text("src.addr") == peer;
    let line = access_log::wait_for(&target.shop.mesh, "n2", "its end", ended)?;
    ensure!(line.text("error").contains("before it has proven who it is"), "{line}");
    Ok(())
}

/// The beginning of a ClientHello of 60,000 bytes (RFC 8446 sections 4 and 5.1), in records.
fn unfinished_hello(length: usize) -> Vec<u8> {
    const RECORD: usize = 16 << 10;
    let message = [&[1, 0, 0xea, 0x60][..], &vec![0; length - 4]].concat();
    let records = message.chunks(RECORD).map(|piece| {
        let [.., high, low] = piece.len().to_be_bytes();
        [&[22, 3, 1, high, low][..], piece].concat()
    });
    records.collect::<Vec<_>>().concat()
}

/// A client whose first message comes in two pieces.
struct Slow {
    tls: rustls::StreamOwned<rustls::ClientConnection, TcpStream>,
    rest: Vec<u8>,
}

impl Slow {
    fn begin(mut tcp: TcpStream, credential: &Credential) -> Result<Self> {
        let mut connection =
            rustls::ClientConnection::new(tls::client(Some(credential))?, tls::server_name())?;
        let mut hello = Vec::new();
        connection.write_tls(&mut hello)?;
        let rest = hello.split_off(hello.len() / 2);
        tcp.write_all(&hello)?;
        Ok(Self { tls: rustls::StreamOwned::new(connection, tcp), rest })
    }

    fn finish(&mut self) -> Result<()> {
        self.tls.sock.write_all(&self.rest)?;
        self.tls.conn.complete_io(&mut self.tls.sock)?;
        tls::is_served(&mut self.tls)?;
        Ok(())
    }
}

/// After nothing, after the beginning of a record, after the first message, after the whole of TLS.
fn fall_silent(number: usize, target: &Target) -> Result<TcpStream> {
    let mut tcp = target.dial(15008)?;
    tcp.set_read_timeout(Some(LIMIT))?;
    match number % 4 {
        0 => {}
        1 => tcp.write_all(&[22, 3, 1])?,
        2 => {
            let config = tls::client(Some(&target.mallory))?;
            let mut hello = rustls::ClientConnection::new(config, tls::server_name())?;
            hello.write_tls(&mut tcp)?;
        }
        _ => return Ok(tls::dial(tcp, tls::client(Some(&target.mallory))?)?.sock),
    }
    Ok(tcp)
}

/// Reads what the server still said, up to its end.
fn ensure_ended(tcp: &TcpStream) -> Result<()> {
    let mut said = Vec::new();
    match (&mut &*tcp).take(1 << 20).read_to_end(&mut said) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(()),
        Err(error) => Err(error.into()),
    }
}
