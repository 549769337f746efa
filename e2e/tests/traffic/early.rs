//! Servers that answer early, and close while the client still sends.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::thread;

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::relays::on_every_relay;

const ANSWER: &[u8] = b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nlarge";
const ROUNDS: usize = 40;

#[test]
fn an_early_answer_arrives_whole_although_its_server_closes_with_much_unread() -> Result<()> {
    on_every_relay("early-answer", |connect| {
        for round in 0..ROUNDS {
            let (client, mut server) = connect()?;
            let uploading = thread::spawn(move || upload(client));
            server.read_exact(&mut [0; 1_000])?;
            server.write_all(ANSWER)?;
            drop(server);
            let (seen, is_good_end) = uploading.join().map_err(|_| anyhow!("the client panicked"))?;
            let text = String::from_utf8_lossy(&seen);
            ensure!(seen == ANSWER, "round {round}: the client read {text:?}");
            ensure!(!is_good_end, "round {round}: a reset came as an end");
        }
        Ok(())
    })
}

/// As nginx does (`lingering_close`).
#[test]
fn an_early_answer_that_was_finished_is_finished_for_the_client() -> Result<()> {
    on_every_relay("early-end", |connect| {
        for round in 0..ROUNDS {
            let (mut client, mut server) = connect()?;
            client.write_all(&[7; 2_000])?;
            server.read_exact(&mut [0; 1_000])?;
            server.write_all(ANSWER)?;
            server.shutdown(Shutdown::Write)?;
            drop(server);
            let mut seen = Vec::new();
            client.read_to_end(&mut seen).with_context(|| format!("round {round}"))?;
            ensure!(seen == ANSWER, "round {round}: the client read {:?}", String::from_utf8_lossy(&seen));
        }
        Ok(())
    })
}

/// Sends an upload, whatever comes of it, then reads: what came, and whether it came to a good end.
fn upload(mut client: TcpStream) -> (Vec<u8>, bool) {
    let sent = client.write_all(&vec![7; 4 << 20]);
    let mut seen = Vec::new();
    let read = client.read_to_end(&mut seen);
    (seen, sent.is_ok() && read.is_ok())
}
