//! The end of capture, with connections open.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_capture::capture::{self, leave, remove};
use karez_capture::sockets::{Family, Listening};
use socket2::SockRef;

use crate::lab::{Lab, MOMENT, PATIENCE, both_ways, ensure_dead, inside};
use crate::source::dial_as;

const SECRET: &str = "the-secret-of-the-water";

#[test]
fn captured_connections_drain_and_what_is_left_is_reset() -> Result<()> {
    let lab = Lab::captured("removal")?;
    let (server, application) = (lab.listen_outside(8080)?, lab.listen_in_pod(8080)?);
    let wire = lab.wire()?;
    for family in Family::ALL {
        lab.install(&lab.settings())?;
        let outbound = lab.proxy(Listening::Outbound, family)?;
        let inbound = lab.proxy(Listening::InboundPlaintext, family)?;
        let dialled = lab.dial_from_pod((lab.outside_ip(family), 8080).into())?;
        let dialled_at_proxy = outbound.accept()?;
        let client = lab.dial_from_outside((lab.pod_ip(family), 8080).into())?;
        let client_at_proxy = inbound.accept()?;
        let hbone = lab.proxy(Listening::Hbone, family)?;
        let tunnels = (lab.pod_ip(family), 15008).into();
        let peer = lab.dial_from_outside(tunnels)?;
        let tunnel = hbone.accept()?;

        leave(&lab.namespace()?, &lab.settings())?;
        both_ways(&dialled, &dialled_at_proxy, SECRET)?;
        both_ways(&client, &client_at_proxy, "plaintext")?;
        both_ways(&peer, &tunnel, "tunnel")?;
        let refused = lab.dial_from_outside(tunnels).err().map(|error| error.to_string());
        ensure!(refused.is_some_and(|why| why.contains("refused")), "a new tunnel waits for nobody");
        let free = lab.dial_from_pod((lab.outside_ip(family), 8080).into())?;
        both_ways(&free, &server.accept()?, "directly")?;
        let free = lab.dial_from_outside((lab.pod_ip(family), 8080).into())?;
        both_ways(&free, &application.accept()?, "directly")?;

        ensure!(remove(&lab.namespace()?)? == 2, "two connections were left");
        ensure_dead(&dialled)?;
        ensure_dead(&client)?;
        ensure!((&dialled).write_all(SECRET.as_bytes()).is_err());
        ensure!(remove(&lab.namespace()?)? == 0, "nothing is left to remove");
    }
    server.ensure_unvisited()?;
    ensure!(!wire.finish()?.contains(SECRET.as_bytes()), "the application's bytes left in the clear");
    Ok(())
}

/// It would be sent again only a second later, when the Pod may be captured again.
#[test]
fn no_first_packet_is_lost_when_capture_ends() -> Result<()> {
    let lab = Lab::open("removal-first")?;
    for family in Family::ALL {
        lab.install(&lab.settings())?;
        let before = sent_again(&lab)?;
        // Nobody listens, neither there nor in the proxy's place: each answer is a refusal at once.
        let nowhere = SocketAddr::new(lab.outside_ip(family), 8080);
        let has_left = AtomicBool::new(false);
        let dialled = std::thread::scope(|scope| {
            let dialling = scope.spawn(|| inside(lab.pod.namespace(), || dial_until(&has_left, nowhere)));
            let left = leave(&lab.namespace()?, &lab.settings());
            has_left.store(true, Ordering::Relaxed);
            left?;
            dialling.join().map_err(|_| anyhow::anyhow!("dialling panicked"))?
        })?;
        ensure!(dialled > 10, "{dialled} connections say nothing");
        let again = sent_again(&lab)? - before;
        ensure!(again == 0, "{family:?}: {again} of {dialled} first packets had to be sent again");
        remove(&lab.namespace()?)?;
    }
    Ok(())
}

/// How many connections were begun until `is_over`.
fn dial_until(is_over: &AtomicBool, to: SocketAddr) -> Result<usize> {
    let mut begun = 0;
    while !is_over.load(Ordering::Relaxed) {
        ensure!(TcpStream::connect_timeout(&to, PATIENCE).is_err(), "somebody listens");
        begun += 1;
    }
    Ok(begun)
}

/// How many segments TCP has sent again in the Pod.
fn sent_again(lab: &Lab) -> Result<u64> {
    let counters = lab.pod.namespace().run("nstat", &["-asz", "TcpRetransSegs"])?;
    let mut words = counters.split_whitespace().skip_while(|word| *word != "TcpRetransSegs");
    Ok(words.nth(1).with_context(|| format!("no counter in {counters:?}"))?.parse()?)
}

#[test]
fn removal_without_warning_resets_what_is_captured() -> Result<()> {
    let lab = Lab::captured("removal-at-once")?;
    let server = lab.listen_outside(8080)?;
    let outbound = lab.proxy(Listening::Outbound, Family::V4)?;
    let destination = (lab.outside_ip(Family::V4), 8080).into();
    let dialled = lab.dial_from_pod(destination)?;
    let _at_proxy = outbound.accept()?;
    ensure!(remove(&lab.namespace()?)? == 1);
    ensure_dead(&dialled)?;
    both_ways(&lab.dial_from_pod(destination)?, &server.accept()?, "directly")
}

/// Connection tracking remembers for a while who has ended; whoever has the port by then was never captured.
#[test]
fn who_has_the_port_of_an_ended_captured_connection_is_spared() -> Result<()> {
    let lab = Lab::open("removal-port")?;
    let server = lab.listen_outside(8080)?;
    for family in Family::ALL {
        lab.install(&lab.settings())?;
        let outbound = lab.proxy(Listening::Outbound, family)?;
        let to = SocketAddr::new(lab.outside_ip(family), 8080);
        let captured = lab.dial_from_pod(to)?;
        let (from, at_proxy) = (captured.local_addr()?, outbound.accept()?);
        // A reset keeps the port for nobody.
        SockRef::from(&captured).set_linger(Some(Duration::ZERO))?;
        drop(captured);
        ensure_dead(&at_proxy)?;
        leave(&lab.namespace()?, &lab.settings())?;
        remove(&lab.namespace()?)?;

        let uncaptured = lab.dial_from_pod_as(from, to)?;
        let at_server = server.accept()?;
        for _ in 0..2 {
            both_ways(&uncaptured, &at_server, "directly")?;
            lab.install(&lab.settings())?;
            both_ways(&uncaptured, &at_server, "older than the capture")?;
            leave(&lab.namespace()?, &lab.settings())?;
            remove(&lab.namespace()?)?;
        }
        both_ways(&uncaptured, &at_server, "directly")?;
    }
    Ok(())
}

#[test]
fn a_half_closed_connection_whose_proxy_is_gone_leaks_nothing() -> Result<()> {
    let lab = Lab::open("removal-half")?;
    lab.pod.namespace().sysctl("net.ipv4.tcp_fin_timeout", "1")?;
    let wire = lab.wire()?;
    for family in Family::ALL {
        lab.install(&lab.settings())?;
        let outbound = lab.proxy(Listening::Outbound, family)?;
        let dialled = lab.dial_from_pod((lab.outside_ip(family), 8080).into())?;
        let at_proxy = outbound.accept()?;
        at_proxy.shutdown(Shutdown::Write)?;
        ensure!((&dialled).read(&mut [0])? == 0);
        // The node proxy is killed: its end goes away by and by, the application's stays.
        drop((at_proxy, outbound));
        karez_lab::wait::until("the proxy's end to be gone", PATIENCE, || {
            let left = lab.pod.namespace().run("ss", &["-Htan", "sport = :15001"])?;
            ensure!(left.is_empty(), "{left}");
            Ok(())
        })?;
        leave(&lab.namespace()?, &lab.settings())?;
        remove(&lab.namespace()?)?;
        let sent = (&dialled).write_all(SECRET.as_bytes()).and_then(|()| (&dialled).write_all(b"again"));
        ensure!(sent.is_err(), "the application's end still sends");
    }
    ensure!(!wire.finish()?.contains(SECRET.as_bytes()), "the application's bytes left in the clear");
    Ok(())
}

#[test]
fn what_a_hanging_node_proxy_delivered_is_reset_and_leaks_nothing() -> Result<()> {
    let lab = Lab::open("removal-delivered")?;
    let application = lab.listen_in_pod(8080)?;
    let wire = lab.wire()?;
    for family in Family::ALL {
        lab.install(&lab.settings())?;
        let client = SocketAddr::new(lab.outside_ip(family), 0);
        let deliver = || -> Result<_> { Ok((dial_as(&lab, family, client, 8080)?, application.accept()?)) };
        let (live, half_closed, finishing) = (deliver()?, deliver()?, deliver()?);
        both_ways(&live.0, &live.1, SECRET)?;
        half_closed.0.shutdown(Shutdown::Write)?;
        ensure!((&half_closed.1).read(&mut [0])? == 0);
        // Nobody holds the application's end any more, and what it has to say fills the queue of one who does not read.
        finishing.1.set_nonblocking(true)?;
        while (&finishing.1).write(SECRET.as_bytes()).is_ok() {}
        drop(finishing.1);

        // The sockets stay open in the node proxy's hands.
        ensure!(remove(&lab.namespace()?)? == 3, "three connections were left");
        ensure_dead(&live.1)?;
        for served in [&live.1, &half_closed.1] {
            ensure!((&*served).write_all(SECRET.as_bytes()).is_err(), "the application's end still sends");
        }
        for proxys in [&live.0, &half_closed.0, &finishing.0] {
            ensure!((&*proxys).write_all(SECRET.as_bytes()).is_err(), "the node proxy's end still sends");
        }
        // Whoever listens is none of them, though it has their port.
        let again = lab.dial_from_pod((lab.pod_ip(family), 8080).into())?;
        both_ways(&again, &application.accept()?, "directly")?;
    }
    // Time for what would be sent again.
    std::thread::sleep(MOMENT);
    let wire = wire.finish()?;
    ensure!(wire.count("port 8080")? == 0, "{:#?}", wire.lines("port 8080", &[])?);
    Ok(())
}

#[test]
fn a_namespace_is_left_as_it_was_found() -> Result<()> {
    let lab = Lab::open("removal-clean")?;
    lab.pod.namespace().sysctl("net.ipv4.fwmark_reflect", "1")?;
    let state = || -> Result<String> {
        let run = |command: &str| lab.pod.namespace().run("sh", &["-c", command]);
        Ok([
            run("nft list ruleset")?,
            run("ip rule; ip -6 rule; ip route show table all; ip -6 route show table all")?,
            run("cd /proc/sys/net; cat ipv4/tcp_fwmark_accept ipv4/fwmark_reflect ipv6/fwmark_reflect")?,
        ]
        .concat())
    };
    let before = state()?;
    // Twice, as after a restart of the agent; and once after others removed the rules, which know how it was.
    lab.install(&lab.settings())?;
    let installed = lab.install(&lab.settings())?;
    lab.pod.namespace().run("nft", &["flush", "ruleset"])?;
    capture::install(&lab.namespace()?, &lab.settings(), Some(&installed))?;
    ensure!(state()? != before, "nothing was installed");
    leave(&lab.namespace()?, &lab.settings())?;
    remove(&lab.namespace()?)?;
    ensure!(state()? == before, "before:\n{before}\nafter:\n{}", state()?);
    Ok(())
}

#[test]
fn where_there_is_no_capture_nothing_is_done() -> Result<()> {
    let lab = Lab::open("removal-none")?;
    leave(&lab.namespace()?, &lab.settings())?;
    ensure!(remove(&lab.namespace()?)? == 0);
    ensure!(lab.pod.namespace().run("nft", &["list", "ruleset"])?.is_empty());
    Ok(())
}
