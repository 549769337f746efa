//! Requests that no honest peer makes, over a tunnel that is good.

use anyhow::{Context as _, Result, ensure};
use http::{Method, Request, StatusCode};
use karez_e2e::sockets::PATIENCE;
use karez_e2e::{access_log, dump, metrics};
use karez_lab::wait;
use serde_json::json;

use crate::frames::{self, Answer, Connection};
use crate::target::{MALLORY, Target};

#[test]
fn what_is_no_connect_to_this_pod_is_answered_400_and_logged() -> Result<()> {
    let mut target = Target::open("requests")?;
    let (api, api6, web) = (target.shop.api.v4, target.shop.api.v6, target.shop.web.v4);
    let (node, control) = (target.shop.mesh.node("n2")?.host().v4(), target.shop.mesh.control().v4());
    let elsewhere = [
        format!("{web}:8080"),
        format!("{node}:15000"),
        format!("{control}:15012"),
        format!("{}:8080", karez_e2e::shop::VIP),
        "127.0.0.1:8080".to_owned(),
        "127.0.0.1:15000".to_owned(),
        "[::1]:8080".to_owned(),
        "[::ffff:127.0.0.1]:8080".to_owned(),
        "0.0.0.0:8080".to_owned(),
        "169.254.169.254:80".to_owned(),
    ];
    let loops = [
        format!("{api}:15001"),
        format!("{api}:15006"),
        format!("{api}:15008"),
        format!("{api}:15053"),
        format!("[{api6}]:15001"),
        format!("[{api6}]:15008"),
        format!("[::ffff:{api}]:15006"),
    ];
    let nowhere = [
        "api.shop.svc.cluster.local:8080".to_owned(),
        "localhost:8080".to_owned(),
        format!("{api}:0"),
        api.to_string(),
    ];
    let connects = [&elsewhere[..], &loops, &nowhere].concat();
    let connects = connects.iter().map(|authority| (Method::CONNECT, authority.clone()));
    let others = [Method::GET, Method::POST, Method::PUT, Method::OPTIONS, Method::TRACE];
    let others = others.map(|method| (method, format!("http://{api}:8080/")));

    let counted =
        || metrics::flagged(&target.shop.mesh, "n2", "karez_tcp_connections_failed_total", "BAD_REQUEST");
    let before = counted()?;
    let mut tunnel = target.tunnel()?;
    let mut asked = 0;
    for (method, uri) in connects.chain(others) {
        let what = format!("{method} {uri}");
        let request = Request::builder().method(method).uri(uri).body(()).with_context(|| what.clone())?;
        let (status, _stream) = tunnel.ask(request).with_context(|| what.clone())?;
        ensure!(status == StatusCode::BAD_REQUEST, "{what}: {status}");
        asked += 1;
    }
    wait::until("every refusal to be counted", PATIENCE, || {
        let counted = counted()? - before;
        ensure!(counted == asked, "{asked} asked, {counted} counted");
        Ok(())
    })?;
    let port = |line: &access_log::Line| line.text("error").contains("port 15006 belongs to the mesh itself");
    let line = access_log::wait_for(&target.shop.mesh, "n2", "the refusal of a loop", port)?;
    ensure!(line.text("src.identity") == MALLORY, "{line}");
    ensure!(line.text("src.addr").starts_with(&format!("{}:", target.shop.outside.v4())), "{line}");

    let (status, mut stream) = tunnel.connect(&target.at(8080), &[])?;
    ensure!(status == StatusCode::OK, "the check cannot fail: an honest request is answered {status}");
    stream.echoes("on the same tunnel")?;
    target.ensure_alive()
}

#[test]
fn what_is_not_http_is_refused_and_the_tunnel_goes_on() -> Result<()> {
    let mut target = Target::open("malformed")?;
    let at = target.at(8080);
    let api = target.shop.api.v4;
    let authorities = [
        String::new(),
        format!("{api}:99999"),
        format!("{api}:+8080"),
        format!("{api}:8080:8080"),
        format!("mallory@{at}"),
        format!("{at}/"),
        format!(" {at}"),
        format!("{at}\0"),
        "[::1:8080".to_owned(),
        "\u{fc}:8080".to_owned(),
        "a".repeat(10_000),
    ];
    let mut blocks: Vec<_> =
        authorities.map(|authority| (authority.clone(), frames::connect(&authority))).into();
    let beside = |name, value| {
        (format!("{name}: {value}"), [frames::connect(&at), frames::field(name, value)].concat())
    };
    blocks.extend([
        beside(":path", "/"),
        beside(":scheme", "https"),
        beside(":protocol", "websocket"),
        beside(":authority", "127.0.0.1:1"),
        beside("transfer-encoding", "chunked"),
        beside("Upper", "case"),
    ]);
    for (what, block) in blocks {
        let mut connection = Connection::open(target.dial(15008)?, &target.mallory)?;
        let answer = connection.ask(&block).with_context(|| format!("{what:?}"))?;
        let refused = matches!(
            answer,
            Answer::BadRequest
                | Answer::Reset(frames::PROTOCOL_ERROR)
                | Answer::GoAway(frames::PROTOCOL_ERROR)
        );
        ensure!(refused, "{what:?}: {answer:?}");
        if !matches!(answer, Answer::GoAway(_)) {
            let answer = connection.ask(&frames::connect(&at))?;
            ensure!(answer == Answer::Accepted, "after {what:?}: {answer:?}");
        }
    }
    target.ensure_alive()
}

#[test]
fn what_a_request_says_of_its_client_is_believed_by_nobody() -> Result<()> {
    let target = Target::open("forged-headers")?;
    let (web, outside) = (target.shop.web.v4, target.shop.outside.v4());
    let forged = [
        ("forwarded", format!("for={web};host=api;proto=https")),
        ("x-forwarded-for", web.to_string()),
        ("x-forwarded-client-cert", format!("URI={}", target.shop.web.identity())),
        ("baggage", "k8s.cluster.name=Kubernetes,k8s.namespace.name=bank,service.name=web".to_owned()),
    ];
    let forged = forged.each_ref().map(|(name, value)| (*name, value.as_str()));
    let cases = [
        ("address", json!({"ipBlocks": [web.to_string()]}), StatusCode::UNAUTHORIZED),
        ("own-address", json!({"ipBlocks": [outside.to_string()]}), StatusCode::OK),
        ("namespace", json!({"namespaces": ["bank"]}), StatusCode::UNAUTHORIZED),
        ("own-namespace", json!({"namespaces": ["shop"]}), StatusCode::OK),
        ("account", json!({"serviceAccounts": ["shop/web"]}), StatusCode::UNAUTHORIZED),
        ("own-account", json!({"serviceAccounts": ["shop/mallory"]}), StatusCode::OK),
    ];
    let mesh = &target.shop.mesh;
    for (name, source, wanted) in cases {
        mesh.manifests.policy("shop", name, &json!({"rules": [{"from": [{"source": source}]}]}))?;
        dump::wait_for_policies(mesh, "n2", &[&format!("shop/{name}")])?;
        let (status, _stream) = target.tunnel()?.connect(&target.at(8080), &forged)?;
        ensure!(status == wanted, "{name}: {status}");
        mesh.manifests.remove_policy("shop", name)?;
        dump::wait_for_policies(mesh, "n2", &[])?;
    }
    let mut tunnel = target.tunnel()?;
    let (_, mut stream) = tunnel.connect(&target.at(7070), &forged)?;
    let seen = stream.read(usize::MAX)?;
    ensure!(seen.starts_with(&format!("{outside} ")), "the application saw {seen:?}");
    Ok(())
}
