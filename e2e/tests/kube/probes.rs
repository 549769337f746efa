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
    let namespace = strict_namespace("probes")?;
    namespace.apply(&[
        workloads::probed("web", NODE),
        workloads::client("client", OTHER_NODE),
        node_port("web"),
    ])?;
    namespace.wait_ready()?;
    mesh::wait_captured(&namespace, &["web", "client"])?;
    wait_probed(&namespace, "web")?;
    namespace.curl("client", "http://web")?;

    let url = format!("http://{}", namespace.address("web")?);
    let node_address = address_of(NODE)?;
    let by_node_port = format!("http://{node_address}:{NODE_PORT}");
    let refused = [
        ("a root process of the same node", machine::on_node(NODE, &curl(&url))),
        ("another node", machine::on_node(OTHER_NODE, &curl(&url))),
        ("a NodePort, from outside", machine::outside(&curl(&by_node_port))),
        ("a NodePort, from the node itself", machine::on_node(NODE, &curl(&by_node_port))),
        ("the probe address, from outside", machine::outside(&curl_as_probe(&url))),
        ("the probe address, from another node", machine::on_node(OTHER_NODE, &curl_as_probe(&url))),
        ("the probe address, from the same node", machine::on_node(NODE, &curl_as_probe(&url))),
    ];
    for (who, answer) in refused {
        ensure!(answer.is_err(), "{who} was answered {answer:?}");
    }
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
        ensure!(messages().any(|it| it.contains("connection refused")), "{:?}", messages().last());
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

    machine::restart_kubelet(NODE)?;
    wait_probed(&namespace, "web")?;
    ensure!(is_ready(&namespace, "web")?, "its probes failed in between");
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
    let conditions = list(&pod, "/status/conditions");
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
    Ok(ready.context("the Pod has no condition Ready")?["status"] == "True")
}

fn address_of(node: &str) -> Result<String> {
    let node = get(&["node", node])?;
    let addresses = list(&node, "/status/addresses");
    let internal = addresses.iter().find(|address| address["type"] == "InternalIP");
    match internal.and_then(|address| address["address"].as_str()) {
        Some(address) => Ok(address.to_owned()),
        None => bail!("no InternalIP: {node}"),
    }
}

fn node_port(name: &str) -> Value {
    let mut service = workloads::service(name);
    service["spec"]["type"] = json!("NodePort");
    service["spec"]["ports"][0]["nodePort"] = json!(NODE_PORT);
    service
}

fn curl(url: &str) -> String {
    format!("curl --silent --show-error --fail --max-time 3 {url}")
}

fn curl_as_probe(url: &str) -> String {
    format!(
        "ip address add {PROBE_ADDRESS}/32 dev lo; {} --interface {PROBE_ADDRESS}; status=$?; \
         ip address del {PROBE_ADDRESS}/32 dev lo; exit $status",
        curl(url)
    )
}
