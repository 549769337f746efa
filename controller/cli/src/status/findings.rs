//! What is wrong. Pure.

use karez_api::names::REPORT_INTERVAL;
use karez_api::operator::{
    CertificateReport, NodeReport, NodeStatus, ObjectProblem, PodStatus, RootPhase, RootStatus, StatusReply,
};

use crate::times::{rfc3339, span};

/// How long before its end a root that signs is to be replaced, in seconds; a tenth of its life when that is less.
const REPLACE_BEFORE: i64 = 30 * 86_400;
/// After how many seconds without a report a connected node is not well: two may get lost.
const REPORT_OVERDUE: i64 = 3 * REPORT_INTERVAL.as_secs().cast_signed();

/// Everything that is wrong, each in one line; nothing when all is well. `now` is in seconds since the epoch.
#[must_use]
pub fn findings(reply: &StatusReply, now: i64) -> Vec<String> {
    let configuration = reply.configuration_version.is_empty().then(|| {
        "the controller has not seen every object yet: is its --manifests folder there, or its cluster's API server?"
            .to_owned()
    });
    let problems = reply.problems.iter().map(of_problem);
    let nodes = reply.nodes.iter().flat_map(|node| of_node(node, now));
    let pods = reply.pods.iter().filter_map(of_pod);
    let roots = of_roots(&reply.roots, now);
    configuration.into_iter().chain(problems).chain(nodes).chain(pods).chain(roots).collect()
}

fn of_problem(problem: &ObjectProblem) -> String {
    let object = object(problem);
    let field = if problem.field.is_empty() { String::new() } else { format!("{}: ", problem.field) };
    let effect = match problem.effect.as_str() {
        "" => String::new(),
        effect => format!(" (in its place: {effect})"),
    };
    // An object of a cluster is in no file.
    let file = if problem.file.is_empty() { String::new() } else { format!("{}: ", problem.file) };
    format!("{file}{object}{field}{}{effect}", problem.message)
}

fn object(problem: &ObjectProblem) -> String {
    let kind = if problem.kind.is_empty() { "object" } else { &problem.kind };
    match (problem.namespace.as_str(), problem.name.as_str()) {
        (_, "") if problem.kind.is_empty() => String::new(),
        (_, "") => format!("{kind}: "),
        ("", name) => format!("{kind} {name}: "),
        (namespace, name) => format!("{kind} {namespace}/{name}: "),
    }
}

fn of_node(node: &NodeStatus, now: i64) -> Vec<String> {
    match &node.report {
        _ if node.connected => of_connected(node, now),
        // A token that nobody uses yet is no fault; if there should be a node, its Pods say so.
        None => Vec::new(),
        Some(report) => {
            let traffic = traffic_of_disconnected(report, now);
            vec![format!("node {}: not connected to the controller; {traffic}", node.node)]
        }
    }
}

/// What becomes of its traffic. All its certificates expire in the end, so that they are only counted.
fn traffic_of_disconnected(report: &NodeReport, now: i64) -> String {
    let certificates = &report.certificates;
    match certificates.iter().filter(|certificate| has_expired(certificate, now)).count() {
        0 => "its traffic goes on as configured last".to_owned(),
        expired => format!(
            "{expired} of {} certificates expired: what is new with those is refused until the node is connected \
             again; all else goes on as configured last",
            certificates.len()
        ),
    }
}

fn of_connected(node: &NodeStatus, now: i64) -> Vec<String> {
    let name = &node.node;
    let mut findings = Vec::new();
    if !node.rejected.is_empty() {
        findings.push(format!("node {name}: refused resources: {}", node.rejected));
    } else if !node.in_sync {
        findings.push(format!("node {name}: has not acknowledged the present configuration yet"));
    }
    if node.report_age_s > REPORT_OVERDUE {
        let age = span(node.report_age_s);
        findings.push(format!("node {name}: connected, and has not reported for {age}: karez-node may hang"));
    }
    if let Some(report) = &node.report {
        if !report.agent_connected {
            findings.push(format!("node {name}: karez-agent is not connected to karez-node"));
        }
        let certificates = report.certificates.iter();
        let wrong = certificates.filter_map(|certificate| of_certificate(certificate, now));
        findings.extend(wrong.map(|wrong| format!("node {name}: certificate of {wrong}")));
    }
    findings
}

fn of_certificate(certificate: &CertificateReport, now: i64) -> Option<String> {
    let CertificateReport { identity, problem, not_after } = certificate;
    let why = if problem.is_empty() { String::new() } else { format!(": {problem}") };
    if has_expired(certificate, now) {
        let end = rfc3339(*not_after);
        return Some(format!(
            "{identity} has expired, at {end}: what is new is refused until it is renewed{why}"
        ));
    }
    (!problem.is_empty()).then(|| format!("{identity}{why}"))
}

fn has_expired(certificate: &CertificateReport, now: i64) -> bool {
    // 0 when there has been none yet.
    certificate.not_after != 0 && certificate.not_after <= now
}

fn of_pod(pod: &PodStatus) -> Option<String> {
    let name = format!("{}/{}", pod.namespace, pod.name);
    if !pod.problem.is_empty() {
        return Some(format!("Pod {name}: {}", pod.problem));
    }
    (pod.enrolled && !pod.captured && !pod.unreported).then(|| format!("Pod {name}: not captured"))
}

/// That the root that signs ends soon: with it ends every certificate of the mesh. A retiring one is to end.
fn of_roots(roots: &[RootStatus], now: i64) -> Option<String> {
    let signing = roots.iter().find(|root| root.phase() == RootPhase::Signing)?;
    let left = signing.not_after.saturating_sub(now);
    let life = signing.not_after.saturating_sub(signing.not_before);
    if left >= REPLACE_BEFORE.min(life / 10) {
        return None;
    }
    let end = match left {
        ..=0 => "has expired".to_owned(),
        _ => format!("expires in {}", span(left)),
    };
    let remedy = match roots.iter().any(|root| root.phase() == RootPhase::Announced) {
        true => "the rotation that is under way replaces it",
        false => "replace it with karez ca rotate",
    };
    Some(format!("the mesh's root certificate {end}, at {}: {remedy}", rfc3339(signing.not_after)))
}

#[cfg(test)]
mod tests;
