//! Names of the mesh.

use anyhow::{Context as _, Result, ensure};
use karez_e2e::shop::{VIP, VIP6};
use karez_e2e::sockets::PATIENCE;
use karez_lab::{Settings, wait};

use crate::dig::{TRANSPORTS, dig, digs, ensure_is};
use crate::world::{Server, World};

/// Every way for `shop/web` to write the Service's name.
const NAMES: [&str; 6] = [
    "api",
    "api.shop",
    "api.shop.svc",
    "api.shop.svc.cluster.local",
    "api.shop.svc.cluster.local.",
    "API.Shop.Svc.Cluster.Local",
];

#[test]
fn whichever_server_is_asked_the_mesh_answers_with_the_services_addresses() -> Result<()> {
    let world = World::open("dns-names")?;
    let web = world.shop.web.namespace();
    for address in world.servers.iter().flat_map(Server::addresses) {
        for (transport, name) in TRANSPORTS.into_iter().flat_map(|how| NAMES.map(|name| (how, name))) {
            let questions = [transport, name, "A", name, "AAAA"];
            let answers = digs(web, address, &questions)?;
            let [v4, v6] = &answers[..] else { anyhow::bail!("{questions:?} at {address}: {answers:?}") };
            ensure_is(v4, "A", VIP).with_context(|| format!("{questions:?} at {address}"))?;
            ensure_is(v6, "AAAA", VIP6).with_context(|| format!("{questions:?} at {address}"))?;
        }
    }
    for server in &world.servers {
        NAMES.iter().try_for_each(|name| server.ensure_unasked(name.trim_end_matches('.')))?;
        // It has another answer, and gives it to those whom the mesh does not answer.
        let outside = dig(world.shop.outside.namespace(), server.addresses()[0], &[NAMES[3], "A"])?;
        ensure_is(&outside, "A", &server.own()[0])?;
        ensure!(!server.clients(NAMES[3]).is_empty(), "the log does not show who asks");
    }
    Ok(())
}

#[test]
fn a_name_with_a_search_domain_too_many_is_an_alias() -> Result<()> {
    let world = World::open("dns-alias")?;
    let server = world.servers[0].addresses()[0];
    for name in ["api.shop.shop.svc.cluster.local", "api.shop.svc.cluster.local.svc.cluster.local"] {
        let answer = dig(world.shop.web.namespace(), server, &[name, "A"])?;
        let wanted = [format!("A {VIP}"), "CNAME api.shop.svc.cluster.local.".to_owned()];
        ensure!(answer.records == wanted, "{name}: {answer:?}");
    }
    Ok(())
}

#[test]
fn a_short_name_means_the_namespace_of_who_asks() -> Result<()> {
    let mut world = World::open("dns-short")?;
    let mesh = &mut world.shop.mesh;
    mesh.manifests.namespace("bazaar", &[])?;
    mesh.manifests.service("bazaar", "api", &["10.96.0.20"], &[(80, 8080)])?;
    let stall = mesh.enrolled_pod("n2", "bazaar/stall", "stall")?;
    let (server, own) = (world.servers[0].addresses()[0], world.servers[0].own());
    wait::until("the other namespace's Service", PATIENCE, || {
        ensure_is(&dig(stall.namespace(), server, &["api", "A"])?, "A", "10.96.0.20")
    })?;
    let web = world.shop.web.namespace();
    ensure_is(&dig(web, server, &["api", "A"])?, "A", VIP)?;
    ensure_is(&dig(web, server, &["api.bazaar", "A"])?, "A", "10.96.0.20")?;
    ensure_is(&dig(stall.namespace(), server, &["api.shop", "A"])?, "A", VIP)?;

    // It has no IPv6: that is the answer, and not another's to give.
    let none = dig(stall.namespace(), server, &["api", "AAAA"])?;
    ensure!(none.status == "NOERROR" && none.records.is_empty(), "{none:?}");

    // A Service that is gone is nobody's name any more.
    world.shop.mesh.manifests.remove("service-bazaar-api.yaml")?;
    wait::until("the name to be gone", PATIENCE, || {
        ensure_is(&dig(stall.namespace(), server, &["api", "A"])?, "A", &own[0])
    })
}

#[test]
fn where_queries_are_not_captured_the_server_answers() -> Result<()> {
    let agent_arguments = ["--dns-capture", "false"].map(str::to_owned).to_vec();
    let world = World::open_with("dns-uncaptured", Settings { agent_arguments, ..Settings::default() })?;
    for server in &world.servers {
        for transport in TRANSPORTS {
            let question = [transport, "api.shop.svc.cluster.local", "A"];
            let answer = dig(world.shop.web.namespace(), server.addresses()[0], &question)?;
            ensure_is(&answer, "A", &server.own()[0])?;
        }
    }
    Ok(())
}
