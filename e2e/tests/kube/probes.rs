//! Kubelet's probes in strict mode, which nobody else's plaintext passes with.

use anyhow::{Context as _, Result, bail, ensure};
use karez_lab::wait;
use serde_json::{Value, json};

use crate::kubectl::{get, list};
use crate::machine;
use crate::mesh;
use crate::namespace::{Namespace, PATIENCE};
use crate::workloads;

const NODE: &str = "n2";
const OTHER_NODE: &str = "n1";
/// The address of kubelet's probes, which the agent keeps from everybody else.
const PROBE_ADDRESS: &str = "169.254.75.97";
const NODE_PORT: u16 = 30_080;

#[test]
fn probes_of_every_kind_pass_in_strict_mode_and_nobody_elses_plaintext_does() -> Result<()> {
    let namespace = Namespace::create("probes")?;
    mesh::enrol(&namespace, &[])?;
    namespace.apply(&[
        workloads::probed("web", NODE),
        workloads::client("client", OTHER_NODE),
        node_port("web"),
    ])?;
    namespace.wait_ready()?;
    mesh::wait_captured(&namespace, &["web", "client"])?;
    let url = format!("http://{}", namespace.address("web")?);
    let node_address = address_of(NODE)?;
    let by_node_port = format!("http://{node_address}:{NODE_PORT}");
    let plaintext = || {
        [
            ("a root process of the same node", machine::on_node(NODE, &curl(&url))),
            ("another node", machine::on_node(OTHER_NODE, &curl(&url))),
            ("a NodePort, from outside", machine::outside(&curl(&by_node_port))),
            ("a NodePort, from the node itself", machine::on_node(NODE, &curl(&by_node_port))),
        ]
    };
    wait::until("plaintext to be served in permissive mode", PATIENCE, || {
        for (who, answer) in plaintext() {
            answer.context(who)?;
        }
        Ok(())
    })?;

    namespace.kubectl(&["annotate", "namespace", namespace.name(), "karez.dev/mtls=strict"])?;
    wait::until("plaintext to be refused", PATIENCE, || {
        ensure!(machine::on_node(NODE, &curl(&url)).is_err(), "it was answered");
        Ok(())
    })?;
    wait_probed(&namespace, "web")?;
    namespace.curl("client", "http://web")?;
    for (who, answer) in plaintext() {
        ensure!(answer.is_err(), "{who} was answered {answer:?}");
    }
    for (who, answer) in [
        ("outside", machine::outside(&curl_as_probe(&url))),
        ("another node", machine::on_node(OTHER_NODE, &curl_as_probe(&url))),
        ("the same node", machine::on_node(NODE, &curl_as_probe(&url))),
    ] {
        match answer {
            Ok(answer) => bail!("the probe address, from {who}, was answered {answer:?}"),
            Err(reason) => ensure!(format!("{reason:#}").contains("timed out"), "{who}: {reason:#}"),
        }
    }
    let stolen = machine::on_node(NODE, &curl_from_kubelets_port(&url))?;
    ensure!(stolen.contains("tried"), "no port of kubelet's could be used again: {stolen:?}");
    ensure!(!stolen.contains("answered"), "a process with a port that kubelet had used was answered");
    ensure!(is_ready(&namespace, "web")?, "its probes fail by now");
    Ok(())
}

#[test]
fn a_tcp_probe_of_a_port_where_nobody_listens_fails() -> Result<()> {
    let namespace = strict_namespace("closed-port")?;
    let mut pod = workloads::server("web", NODE);
    pod["spec"]["containers"][0]["readinessProbe"] = json!({"tcpSocket": {"port": 81}, "periodSeconds": 1});
    namespace.apply(&[pod])?;
    mesh::wait_captured(&namespace, &["web"])?;
    wait::until("the probe to fail", PATIENCE, || {
        let events = namespace.get("events")?;
        let messages = || list(&events, "/items").iter().filter_map(|event| event.get("message")?.as_str());
        ensure!(messages().any(|it| it.contains("connection refused")), "{:?}", messages().next_back());
        Ok(())
    })?;
    ensure!(!is_ready(&namespace, "web")?, "a Pod is ready whose probe fails");
    Ok(())
}

#[test]
fn probes_pass_again_when_kubelet_is_restarted() -> Result<()> {
    let namespace = strict_namespace("restarted")?;
    namespace.apply(&[workloads::probed("web", NODE)])?;
    namespace.wait_ready()?;
    wait_probed(&namespace, "web")?;
    let failed = failed_probes(&namespace)?;

    machine::restart_kubelet(NODE)?;
    wait_probed(&namespace, "web")?;
    // A kubelet that begins takes every Pod for not ready until its first probe.
    wait::until("the Pod to be ready", PATIENCE, || {
        ensure!(is_ready(&namespace, "web")?, "it is not");
        Ok(())
    })?;
    ensure!(failed_probes(&namespace)? == failed, "a probe failed in between");
    Ok(())
}

fn strict_namespace(test: &str) -> Result<Namespace> {
    let namespace = Namespace::create(test)?;
    mesh::enrol(&namespace, &[])?;
    namespace.kubectl(&["annotate", "namespace", namespace.name(), "karez.dev/mtls=strict"])?;
    Ok(namespace)
}

/// Waits until kubelet's HTTP probe has come a few times more than it has now.
fn wait_probed(namespace: &Namespace, pod: &str) -> Result<()> {
    let count =
        || Ok::<_, anyhow::Error>(namespace.kubectl(&["logs", pod, "web"])?.matches("kube-probe").count());
    // A kubelet that has just been started does not give logs yet.
    let before = wait::until("the log", PATIENCE, count)?;
    wait::until(&format!("kubelet to probe {pod}"), PATIENCE, || {
        let now = count()?;
        ensure!(now >= before + 3, "{} probes have come", now - before);
        Ok(())
    })
}

fn is_ready(namespace: &Namespace, pod: &str) -> Result<bool> {
    let pod = namespace.get(&format!("pod/{pod}"))?;
    let is_ready = |condition: &&Value| condition.get("type").is_some_and(|it| it == "Ready");
    let ready = list(&pod, "/status/conditions").iter().find(is_ready);
    Ok(ready.context("the Pod has no condition Ready")?.get("status").is_some_and(|it| it == "True"))
}

/// How many probes have failed, by kubelet's own word.
fn failed_probes(namespace: &Namespace) -> Result<u64> {
    let events = namespace.get("events")?;
    let unhealthy =
        list(&events, "/items").iter().filter(|it| it.get("reason").is_some_and(|it| it == "Unhealthy"));
    Ok(unhealthy.filter_map(|event| event.get("count")?.as_u64()).sum())
}

fn address_of(node: &str) -> Result<String> {
    let node = get(&["node", node])?;
    let addresses = list(&node, "/status/addresses");
    let is_internal = |address: &&Value| address.get("type").is_some_and(|it| it == "InternalIP");
    match addresses.iter().find(is_internal).and_then(|address| address.get("address")?.as_str()) {
        Some(address) => Ok(address.to_owned()),
        None => bail!("no InternalIP: {node}"),
    }
}

fn node_port(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"type": "NodePort", "selector": {"app": name}, "ports": [{"port": 80, "nodePort": NODE_PORT}]},
    })
}

fn curl(url: &str) -> String {
    format!("curl --silent --show-error --fail --max-time 3 {url}")
}

fn curl_as_probe(url: &str) -> String {
    format!(
        "ip address add {PROBE_ADDRESS}/32 dev lo && {{ {} --interface {PROBE_ADDRESS}; status=$?; \
         ip address del {PROBE_ADDRESS}/32 dev lo; exit $status; }}",
        curl(url)
    )
}

/// Begins connections with what kubelet's probes had as address and port, as soon as kubelet has closed them.
fn curl_from_kubelets_port(url: &str) -> String {
    let pod = url.trim_start_matches("http://");
    format!(
        "for attempt in $(seq 200); do
           set -- $(nft list set inet karez-node ip-probes | grep -o '[0-9.]* [.] [0-9]* [.] {pod} [.] 80' | tail -n 1)
           [ $# -gt 0 ] || continue
           {curl} --interface \"$1\" --local-port \"$3\" >/dev/null 2>&1
           case $? in 0) echo answered ;; 45) ;; *) echo tried; [ $((tried += 1)) -lt 5 ] || break ;; esac
         done",
        curl = curl(url)
    )
}
