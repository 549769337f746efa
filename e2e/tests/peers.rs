//! Real programs that know nothing of a mesh, across it.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::peers;
use karez_e2e::shop::{Shop, VIP, VIP6};
use karez_lab::wire::Wire;
use karez_lab::{Mesh, Pod};

#[test]
fn curl_reaches_nginx_by_address_and_by_service_and_nginx_sees_the_client() -> Result<()> {
    let shop = Shop::open("nginx", &[(80, 8080)])?;
    let (_nginx, _root) = peers::nginx(&shop.mesh, &shop.api, 8080)?;
    for (url, client) in [
        (format!("http://{}:8080/whoami", shop.api.v4), shop.web.v4.to_string()),
        (format!("http://[{}]:8080/whoami", shop.api.v6), shop.web.v6.to_string()),
        (format!("http://{VIP}/whoami"), shop.web.v4.to_string()),
        (format!("http://[{VIP6}]/whoami"), shop.web.v6.to_string()),
    ] {
        let seen = shop.web.namespace().run("curl", &["-sS", "-m", "10", &url])?;
        ensure!(seen.trim() == client, "{url}: nginx saw {seen:?}, not {client}");
    }
    Ok(())
}

#[test]
fn the_wire_between_nodes_carries_only_tls_and_plaintext_without_the_mesh() -> Result<()> {
    let mut shop = Shop::open("wire", &[(80, 8080)])?;
    let (_nginx, root) = peers::nginx(&shop.mesh, &shop.api, 8080)?;
    let secret = "the-secret-of-the-water";
    fs::write(root.join("secret"), secret)?;
    let url = format!("http://{VIP}/secret");
    let capture = |mesh: &Mesh, from: &Pod, url: &str| {
        let wire = Wire::tap(mesh.network.switch(), "n1", mesh.folder(), "tcp")?;
        ensure!(from.namespace().run("curl", &["-sS", "-m", "10", url])? == secret);
        wire.finish()
    };
    let meshed = capture(&shop.mesh, &shop.web, &url)?;
    ensure!(!meshed.contains(secret.as_bytes()), "the secret crossed the wire in the clear");
    // A handshake record of TLS (RFC 8446 section 5.1) right after TCP's header.
    let hello = "tcp dst port 15008 and tcp[(tcp[12] >> 4) * 4 : 2] = 0x1603";
    ensure!(meshed.count(hello)? > 0, "nobody began TLS on 15008");
    ensure!(
        meshed.count("tcp and not port 15008 and not port 15012")? == 0,
        "something went beside the tunnels and the controller's port"
    );

    let plain = shop.mesh.pod("n1", "shop/plain", "plain")?;
    let direct = capture(&shop.mesh, &plain, &format!("http://{}:8080/secret", shop.api.v4))?;
    ensure!(
        direct.contains(secret.as_bytes()),
        "the check cannot fail: plaintext was not seen without the mesh"
    );
    Ok(())
}

#[test]
fn redis_postgres_and_iperf3_work_as_they_are() -> Result<()> {
    let shop = Shop::open("servers", &[(6379, 6379), (5432, 5432), (5201, 5201)])?;
    let run = |program: &str, arguments: &[&str]| shop.web.namespace().run(program, arguments);

    let _redis = peers::redis(&shop.mesh, &shop.api)?;
    ensure!(run("redis-cli", &["-h", VIP, "set", "water", "cold"])?.trim() == "OK");
    ensure!(run("redis-cli", &["-h", VIP, "get", "water"])?.trim() == "cold");

    let _postgres = peers::postgres(&shop.mesh, &shop.api)?;
    let sum = run(
        "psql",
        &["-h", VIP, "-U", "shop", "-d", "postgres", "-Atc", "select sum(g) from generate_series(1,1000) g"],
    )?;
    ensure!(sum.trim() == "500500", "psql said {sum}");

    let _iperf3 = peers::iperf3(&shop.mesh, &shop.api)?;
    for direction in [&["-c", VIP, "-t", "1", "-J"][..], &["-c", VIP, "-t", "1", "-J", "-R"]] {
        let report: serde_json::Value = serde_json::from_str(&run("iperf3", direction)?)?;
        let rate = report.pointer("/end/sum_received/bits_per_second").and_then(serde_json::Value::as_f64);
        ensure!(rate.context("no rate")? > 1e6, "iperf3 {direction:?} moved nothing");
    }
    Ok(())
}
