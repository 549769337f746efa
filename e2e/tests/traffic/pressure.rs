//! A reader that pauses holds its writer back, wherever the mesh is between them.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use karez_e2e::shop::Shop;
use karez_e2e::sockets;

/// How long a writer must be stuck to count as held back.
const STUCK: Duration = Duration::from_secs(1);
/// What the windows and the kernels' buffers on the way may hold together.
const MOST: usize = 64 << 20;
const BLOCK: usize = 1 << 20;

#[test]
fn a_client_that_sends_is_held_back_by_a_server_that_does_not_read() -> Result<()> {
    on_both_families("pressure-up", held_back)
}

#[test]
fn a_server_that_sends_is_held_back_by_a_client_that_does_not_read() -> Result<()> {
    on_both_families("pressure-down", |client, server| held_back(server, client))
}

fn on_both_families(name: &str, check: impl Fn(&TcpStream, &TcpStream) -> Result<()>) -> Result<()> {
    let shop = Shop::open(name, &[(8080, 8080)])?;
    let listener = sockets::listen(shop.api.namespace(), 8080)?;
    for address in &shop.addresses(8080)[..2] {
        let client = sockets::dial(shop.web.namespace(), address)?;
        let server = listener.accept()?;
        check(&client, &server).with_context(|| address.clone())?;
    }
    Ok(())
}

/// Sends until nothing fits any more, then reads: everything arrives, in order, and the writer goes on.
fn held_back(writer: &TcpStream, reader: &TcpStream) -> Result<()> {
    let before = fill(writer)?;
    ensure!(before > 0, "nothing could be sent at all");
    receive(reader, 0, before)?;
    writer.set_write_timeout(Some(sockets::PATIENCE))?;
    let block: Vec<u8> = pattern(before).take(BLOCK).collect();
    (&mut &*writer).write_all(&block).context("sending on after the pause")?;
    receive(reader, before, BLOCK)
}

/// Sends the pattern until the connection has taken nothing for a while; gives how many bytes it took.
fn fill(writer: &TcpStream) -> Result<usize> {
    writer.set_write_timeout(Some(STUCK))?;
    let mut sent = 0;
    while sent < MOST {
        let block: Vec<u8> = pattern(sent).take(BLOCK).collect();
        match (&mut &*writer).write(&block) {
            Ok(count) => sent += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(sent),
            Err(error) => return Err(error).context("sending to a reader that pauses"),
        }
    }
    bail!("{sent} bytes went to a reader that does not read")
}

fn receive(reader: &TcpStream, from: usize, count: usize) -> Result<()> {
    let mut received = vec![0; count];
    (&mut &*reader).read_exact(&mut received).with_context(|| format!("reading {count} bytes"))?;
    let wrong = received.iter().zip(pattern(from)).position(|(got, sent)| *got != sent);
    ensure!(wrong.is_none(), "byte {} is wrong", from + wrong.unwrap_or_default());
    Ok(())
}

/// Bytes that depend on their place; 251 is prime, so that no shift by a block goes unseen.
fn pattern(from: usize) -> impl Iterator<Item = u8> {
    (from..).map(|place| u8::try_from(place % 251).unwrap_or_default())
}
