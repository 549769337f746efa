//! Servers that do not answer.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use karez_e2e::metrics;
use karez_e2e::shop::{VIP, VIP6};
use karez_e2e::sockets::{self, PATIENCE};
use karez_lab::{Namespace, wait};

use crate::dig::{Answer, TRANSPORTS, dig, ensure_is};
use crate::raw::{self, A};
use crate::world::{ELSEWHERE, World};

/// What a question takes that has not to wait for anybody.
const SOON: Duration = Duration::from_secs(2);
/// Together more than may wait at a time for an answer, whichever workers they come to.
const QUESTIONS: u16 = 60;
const CLIENTS: u16 = 40;

#[test]
fn a_server_that_is_not_there_is_a_failure_at_once() -> Result<()> {
    let world = World::open("dns-gone")?;
    let host = &world.shop.outside;
    for server in [IpAddr::from(host.v4()), host.v6().into()] {
        for transport in TRANSPORTS {
            let begun = Instant::now();
            let answer = dig(world.shop.web.namespace(), server, &[transport, ELSEWHERE, "A"])?;
            ensure_failed(&answer)?;
            ensure!(begun.elapsed() < SOON, "{transport} at {server}: after {:?}", begun.elapsed());
        }
    }
    ensure!(metrics::value(&world.shop.mesh, "n1", "karez_dns_upstream_failures_total")? == 4);
    Ok(())
}

#[test]
fn a_server_that_is_silent_is_a_failure_in_the_end() -> Result<()> {
    let world = World::open("dns-silent")?;
    let (web, host) = (world.shop.web.namespace(), &world.shop.outside);
    let silent = raw::socket(host.namespace(), host.v4().into(), 53)?;
    let deaf = sockets::listen(host.namespace(), 53)?;
    std::thread::scope(|scope| {
        let waiting = TRANSPORTS
            .map(|transport| scope.spawn(move || dig(web, host.v4().into(), &[transport, ELSEWHERE, "A"])));
        silent.recv_from(&mut [0; 512]).context("the silent server was not asked")?;
        let _asked = deaf.accept().context("the silent server was not asked over TCP")?;
        let begun = Instant::now();
        for (address, transport) in world.servers[0].addresses().into_iter().zip(TRANSPORTS) {
            ensure_is(&dig(web, address, &[transport, "api", "AAAA"])?, "AAAA", VIP6)?;
            ensure_is(&dig(web, address, &[transport, ELSEWHERE, "A"])?, "A", &world.servers[0].own()[0])?;
        }
        ensure!(begun.elapsed() < SOON, "the others had to wait too: {:?}", begun.elapsed());
        ensure!(waiting.iter().all(|waiting| !waiting.is_finished()), "it was not waited for");
        waiting.into_iter().try_for_each(|waiting| {
            ensure_failed(&waiting.join().map_err(|_| anyhow::anyhow!("dig panicked"))??)
        })
    })
}

#[test]
fn however_many_questions_a_dead_server_has_the_mesh_still_answers() -> Result<()> {
    let world = World::open("dns-many")?;
    let (web, host) = (&world.shop.web, &world.shop.outside);
    let silent = raw::socket(host.namespace(), host.v4().into(), 53)?;
    for _ in 0..CLIENTS {
        let asking = raw::socket(web.namespace(), web.v4.into(), 0)?;
        for id in 0..QUESTIONS {
            asking.send_to(&raw::query(id, ELSEWHERE, A)?, silent.local_addr()?)?;
        }
        // A few at a time: what overflows the queue of the proxy's socket has asked nobody.
        wait::until("the questions to be taken", PATIENCE, || ensure_taken(web.namespace()))?;
    }
    wait::until("the questions to be counted", PATIENCE, || {
        let count = |name| metrics::value(&world.shop.mesh, "n1", name);
        let (came, dropped) = (count("karez_dns_requests_total")?, count("karez_dns_dropped_total")?);
        ensure!(came == u64::from(CLIENTS * QUESTIONS), "{came} came");
        ensure!(dropped > 0, "all of them may wait");
        Ok(())
    })?;
    for _ in 0..10 {
        ensure_is(
            &dig(web.namespace(), world.servers[0].addresses()[0], &["+time=1", "api", "A"])?,
            "A",
            VIP,
        )?;
    }
    Ok(())
}

/// No datagram waits at port 15053: metrics would tell it too late, as they are rendered once a second.
fn ensure_taken(namespace: &Namespace) -> Result<()> {
    const PORT: &str = ":3ACD";
    let sockets = namespace.run("cat", &["/proc/net/udp", "/proc/net/udp6"])?;
    let fields = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let waits = |fields: &Vec<&str>| {
        let local = fields.get(1).is_some_and(|local| local.ends_with(PORT));
        local && fields.get(4).is_some_and(|queues| !queues.ends_with(":00000000"))
    };
    ensure!(!fields.into_iter().any(|fields| waits(&fields)), "{sockets}");
    Ok(())
}

fn ensure_failed(answer: &Answer) -> Result<()> {
    ensure!(answer.status == "SERVFAIL" && answer.records.is_empty(), "{answer:?}");
    Ok(())
}
