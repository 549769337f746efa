//! What is not the mesh's to answer.

use anyhow::{Context as _, Result, ensure};
use karez_e2e::shop::{VIP, VIP6};

use crate::dig::{Answer, TRANSPORTS, dig, digs, ensure_is};
use crate::world::{BIG, BIG_RECORDS, ELSEWHERE, NOWHERE, Server, World};

#[test]
fn each_server_gets_the_questions_that_were_put_to_it() -> Result<()> {
    let world = World::open("dns-servers")?;
    let [first, second] = &world.servers;
    let web = &world.shop.web;
    for (server, other) in [(first, second), (second, first)] {
        for (address, client) in server.addresses().into_iter().zip(web.addresses()) {
            for transport in TRANSPORTS {
                for (kind, own) in ["A", "AAAA"].into_iter().zip(server.own()) {
                    // A name of its own, by which it is found in the servers' logs.
                    let name = format!("{}.{kind}.{address}.{ELSEWHERE}", &transport[1..]).replace(':', "-");
                    let answer = dig(web.namespace(), address, &[transport, &name, kind])?;
                    ensure_is(&answer, kind, &own).with_context(|| format!("{name} at {address}"))?;
                    let clients = server.clients(&name);
                    ensure!(clients == [client.to_string()], "{address} was asked by {clients:?}");
                    other.ensure_unasked(&name)?;
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_pod_hears_of_everything_else_what_anybody_hears() -> Result<()> {
    let world = World::open("dns-else")?;
    let (web, outside) = (world.shop.web.namespace(), world.shop.outside.namespace());
    let heard = |address, question: &[&str]| -> Result<Answer> {
        let (inside, outside) = (dig(web, address, question)?, dig(outside, address, question)?);
        ensure!(inside == outside, "{question:?} at {address}: {inside:?} inside, {outside:?} outside");
        Ok(inside)
    };
    for server in &world.servers {
        for (transport, address) in TRANSPORTS.into_iter().zip(server.addresses()) {
            for name in [ELSEWHERE, "api.shop.svc.cluster.local"] {
                // Of the mesh's names too all but the addresses.
                for (name, kind) in [(name, "TXT"), (name, "MX"), (&format!("_http._tcp.{name}"), "SRV")] {
                    let answer = heard(address, &[transport, name, kind])?;
                    ensure!(answer.records.len() == 1, "{name} {kind}: {answer:?}");
                }
            }
            for name in ["nobody", "nobody.shop", "nobody.shop.svc.cluster.local", "svc.cluster.local"] {
                ensure_is(&heard(address, &[transport, name, "A"])?, "A", &server.own()[0])?;
            }
            ensure!(heard(address, &[transport, NOWHERE, "A"])?.status == "NXDOMAIN");
            ensure!(heard(address, &[transport, "-x", VIP])?.status == "REFUSED");
            ensure!(heard(address, &[transport, "version.bind", "CH", "TXT"])?.records.len() == 1);
            ensure!(
                heard(address, &[transport, "api.shop.svc.cluster.local", "CH", "A"])?.records.is_empty()
            );
        }
    }
    Ok(())
}

#[test]
fn an_answer_too_big_for_a_datagram_is_cut_short_and_comes_whole_by_stream() -> Result<()> {
    let world = World::open("dns-big")?;
    for address in world.servers.iter().flat_map(Server::addresses) {
        let ask = |how| dig(world.shop.web.namespace(), address, &[how, BIG, "TXT"]);
        let cut = ask("+ignore")?;
        ensure!(cut.flags.iter().any(|flag| flag == "tc") && cut.records.len() < BIG_RECORDS, "{cut:?}");
        for whole in [ask("+noignore")?, ask("+tcp")?] {
            ensure!(whole.records.len() == BIG_RECORDS, "{} of {BIG_RECORDS} came", whole.records.len());
        }
    }
    Ok(())
}

#[test]
fn one_stream_carries_questions_of_both_kinds() -> Result<()> {
    let world = World::open("dns-stream")?;
    let server = &world.servers[0];
    let questions =
        ["+tcp", "+keepopen", "api", "A", ELSEWHERE, "A", "api", "AAAA", ELSEWHERE, "TXT", "api", "A"];
    let answers = digs(world.shop.web.namespace(), server.addresses()[0], &questions)?;
    let told: Vec<_> = answers.iter().flat_map(|answer| answer.records.clone()).collect();
    let wanted = [
        format!("A {VIP}"),
        format!("A {}", server.own()[0]),
        format!("AAAA {VIP6}"),
        "TXT \"server 1\"".to_owned(),
        format!("A {VIP}"),
    ];
    ensure!(told == wanted, "{told:?}");
    Ok(())
}
