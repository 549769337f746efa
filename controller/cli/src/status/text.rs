//! The tables. Pure.

use karez_api::operator::{NodeStatus, PodStatus, RootPhase, RootStatus, StatusReply};
use karez_api::printable::one_line;

use crate::table::Table;
use crate::times::{rfc3339, span};

/// Characters of a fingerprint that tell one root from another.
const SHORT: usize = 16;

/// All of it, as of `now` in seconds since the epoch.
#[must_use]
pub fn text(reply: &StatusReply, findings: &[String], now: i64) -> String {
    let version = if reply.configuration_version.is_empty() { "none" } else { &reply.configuration_version };
    let mut sections = vec![
        format!("Configuration {}, trust domain {}\n", one_line(version), one_line(&reply.trust_domain)),
        nodes(&reply.nodes),
        pods(&reply.pods, &reply.nodes, now),
    ];
    sections.extend(permissive_ports(&reply.pods));
    sections.push(roots(&reply.roots));
    sections.push(match findings {
        [] => "All is well.\n".to_owned(),
        findings => {
            let lines = findings.iter().map(|finding| format!("  {}\n", one_line(finding)));
            format!("Wrong:\n{}", lines.collect::<String>())
        }
    });
    sections.join("\n")
}

fn nodes(nodes: &[NodeStatus]) -> String {
    let mut table = Table::new(&["NODE", "CONNECTED", "CONFIGURATION", "AGENT", "PODS", "VERSION", "REPORT"]);
    for node in nodes {
        let report = node.report.as_ref();
        let configuration = match (node.connected, node.rejected.is_empty(), node.in_sync) {
            (false, _, _) => "",
            (true, false, _) => "refused in part",
            (true, true, true) => "current",
            (true, true, false) => "behind",
        };
        let agent = report.map_or("", |report| if report.agent_connected { "connected" } else { "gone" });
        table.row([
            node.node.clone(),
            yes_no(node.connected),
            configuration.to_owned(),
            agent.to_owned(),
            report.map(|report| report.pods.len().to_string()).unwrap_or_default(),
            report.map(|report| report.version.clone()).unwrap_or_default(),
            match node.report_age_s {
                _ if node.foreign => "another mesh's proxy".to_owned(),
                ..0 => "never".to_owned(),
                age => format!("{} ago", span(age)),
            },
        ]);
    }
    table.render()
}

fn pods(pods: &[PodStatus], nodes: &[NodeStatus], now: i64) -> String {
    let mut table =
        Table::new(&["POD", "NODE", "ENROLLED", "CAPTURED", "CERTIFICATE", "IDENTITY", "PROBLEM"]);
    for pod in pods {
        table.row([
            format!("{}/{}", pod.namespace, pod.name),
            pod.node.clone(),
            yes_no(pod.enrolled),
            if pod.unreported { "unknown".to_owned() } else { yes_no(pod.captured) },
            certificate(pod, nodes, now),
            pod.identity.clone(),
            pod.problem.clone(),
        ]);
    }
    table.render()
}

/// Where strict mode admits peers without an identity, if anywhere.
fn permissive_ports(pods: &[PodStatus]) -> Option<String> {
    let mut exempt = pods.iter().filter(|pod| pod.enrolled && !pod.permissive_ports.is_empty()).peekable();
    exempt.peek()?;
    let mut table = Table::new(&["POD", "PERMISSIVE PORTS"]);
    for pod in exempt {
        let ports: Vec<String> = pod.permissive_ports.iter().map(ToString::to_string).collect();
        table.row([format!("{}/{}", pod.namespace, pod.name), ports.join(", ")]);
    }
    Some(table.render())
}

/// For how long the Pod's node has a certificate of its identity.
fn certificate(pod: &PodStatus, nodes: &[NodeStatus], now: i64) -> String {
    let report = nodes.iter().find(|node| node.node == pod.node).and_then(|node| node.report.as_ref());
    let held = report.and_then(|report| {
        report.certificates.iter().find(|certificate| certificate.identity == pod.identity)
    });
    match held.map(|certificate| certificate.not_after) {
        None | Some(0) => String::new(),
        Some(not_after) if not_after <= now => "expired".to_owned(),
        Some(not_after) => format!("for {}", span(not_after - now)),
    }
}

/// The roots, and how to go on with what never comes.
fn roots(roots: &[RootStatus]) -> String {
    let way_out = way_out(roots).map(|way_out| format!("{way_out}\n"));
    roots_table(roots) + &way_out.unwrap_or_default()
}

/// The table of roots.
#[must_use]
pub fn roots_table(roots: &[RootStatus]) -> String {
    let mut table = Table::new(&["ROOT", "PHASE", "VALID UNTIL", "WAITS FOR"]);
    for root in roots {
        table.row([
            root.fingerprint.chars().take(SHORT).collect(),
            phase(root.phase()).to_owned(),
            rfc3339(root.not_after),
            root.waiting_for.clone(),
        ]);
    }
    table.render()
}

/// A phase as tables and JSON name it.
pub(super) fn phase(phase: RootPhase) -> &'static str {
    match phase {
        RootPhase::Signing => "signing",
        RootPhase::Announced => "announced",
        RootPhase::Retiring => "retiring",
        RootPhase::Unspecified => "unknown",
    }
}

/// How to go on with a rotation when what it waits for never comes; nothing while no root waits to sign.
#[must_use]
pub fn way_out(roots: &[RootStatus]) -> Option<&'static str> {
    let waits = |root: &RootStatus| root.phase() == RootPhase::Announced && !root.waiting_for.is_empty();
    roots.iter().any(waits).then_some(
        "if that never comes: restart karez-node on the node, take its line out of the controller's tokens file, or go on without \
         it by karez ca rotate --force",
    )
}

fn yes_no(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

#[cfg(test)]
mod tests;
