//! Connections on which the next step never comes.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Result, ensure};
use karez_e2e::access_log::{self, Line};
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
    wait::until("each of them to be in the log", PATIENCE, || {
        let lines = access_log::lines(&target.shop.mesh, "n2");
        let late = lines.iter().filter(|line| {
            let error = line.text("error");
            error.contains("handshake within its time") && error.contains(line.text("src.addr"))
        });
        let late: HashSet<_> = late.map(|line| line.text("src.addr").to_owned()).collect();
        ensure!(peers.is_subset(&late), "{} of {}", peers.intersection(&late).count(), peers.len());
        Ok(())
    })?;
    wait::until("the descriptors to be given back", PATIENCE, || {
        let now = target.counts("process_open_fds")?;
        ensure!(now < before + EACH as u64, "{before} became {now}");
        Ok(())
    })
}

#[test]
fn strangers_take_no_place_of_the_others_and_give_way_to_the_honest() -> Result<()> {
    const CONNECTIONS: usize = 40;
    let node_arguments = ["--pod-connections".to_owned(), CONNECTIONS.to_string()].to_vec();
    let target = Target::open_with("strangers", Settings { node_arguments, ..Settings::default() })?;
    let Shop { mesh, web, api, .. } = &target.shop;
    let _server = peers::peer(mesh, web, &["--echo", "9090"])?;

    let silent = (0..2 * CONNECTIONS).map(|_| target.dial(15008)).collect::<Result<Vec<_>>>()?;
    let displaced = |line: &Line| line.text("error").contains("limit of unproven clients is reached");
    let line = access_log::wait_for(mesh, "n2", "a stranger that gave way", displaced)?;
    ensure!(line.text("response_flags") == "LIMIT", "{line}");
    // Each worker of the client's node needs a tunnel of its own.
    for _ in 0..10 {
        sockets::echoes(&sockets::dial(web.namespace(), target.at(8080))?, "inwards")?;
        sockets::echoes(&sockets::dial(api.namespace(), format!("{}:9090", web.v4))?, "outwards")?;
    }
    drop(silent);
    Ok(())
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
