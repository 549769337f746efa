//! A Service without an address: its name has those of its endpoints, more than a small datagram can hold.

use anyhow::{Result, ensure};
use karez_e2e::sockets::PATIENCE;
use karez_lab::wait;
use serde_json::json;

use crate::dig::{Answer, dig};
use crate::world::World;

const ENDPOINTS: u8 = 60;
const NAME: &str = "crowd.shop.svc.cluster.local";

#[test]
fn all_endpoints_are_told_cut_short_by_datagram_whole_by_stream() -> Result<()> {
    let world = World::open("dns-headless")?;
    headless_service(&world)?;
    let server = world.servers[0].addresses()[0];
    let ask = |how: &[&str]| dig(world.shop.web.namespace(), server, &[how, &[NAME, "A"]].concat());
    let mut all: Vec<_> = (0..ENDPOINTS).map(|number| format!("A {}", address(number))).collect();
    all.sort();
    wait::until("every endpoint", PATIENCE, || ensure_holds(&ask(&["+tcp"])?, &all))?;
    // Until the mesh knew the name it was not the mesh's to answer.
    let before = world.servers[0].clients(NAME).len();

    // 60 addresses are more than 512 bytes, which is what a datagram without EDNS may have, and less than 4 KiB.
    let cut = ask(&["+noedns", "+ignore"])?;
    ensure!(is_truncated(&cut) && (1..all.len()).contains(&cut.records.len()), "{cut:?}");
    ensure!(cut.records.iter().all(|record| all.contains(record)), "{cut:?}");
    for whole in [ask(&["+noedns"])?, ask(&["+bufsize=4096", "+ignore"])?] {
        ensure!(!is_truncated(&whole));
        ensure_holds(&whole, &all)?;
    }

    world.shop.mesh.manifests.remove(&file(0))?;
    all.retain(|record| *record != format!("A {}", address(0)));
    wait::until("an endpoint that is gone", PATIENCE, || ensure_holds(&ask(&[])?, &all))?;
    let asked = world.servers[0].clients(NAME).len() - before;
    ensure!(asked == 0, "the server was asked {asked} times for a name of the mesh");
    Ok(())
}

fn is_truncated(answer: &Answer) -> bool {
    answer.flags.iter().any(|flag| flag == "tc")
}

fn ensure_holds(answer: &Answer, records: &[String]) -> Result<()> {
    ensure!(answer.records == records, "{answer:?}");
    Ok(())
}

/// A Service without an address, and Pods of which there is nothing but what the API would tell.
fn headless_service(world: &World) -> Result<()> {
    let manifests = &world.shop.mesh.manifests;
    let spec = json!({"clusterIP": "None", "selector": {"app": "crowd"}, "ports": [{"port": 80}]});
    let metadata = json!({"name": "crowd", "namespace": "shop"});
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec});
    manifests.write("crowd.yaml", &service.to_string())?;
    for number in 0..ENDPOINTS {
        let ip = address(number);
        let metadata = json!({
            "name": format!("crowd-{number}"), "namespace": "shop", "labels": {"app": "crowd"},
        });
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": {"nodeName": "n2", "serviceAccountName": "crowd"},
            "status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]},
        });
        manifests.write(&file(number), &pod.to_string())?;
    }
    Ok(())
}

fn file(number: u8) -> String {
    format!("crowd-{number}.yaml")
}

fn address(number: u8) -> String {
    format!("10.200.0.{number}")
}
