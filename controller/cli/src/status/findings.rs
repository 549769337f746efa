//! What is wrong. Pure.

use karez_api::operator::{NodeStatus, ObjectProblem, PodStatus, RootStatus, StatusReply};

use crate::times::{iso, span};

/// How long before its end a root that signs is to be replaced, in seconds; a tenth of its life when that is less.
const REPLACE_BEFORE: i64 = 30 * 86_400;

/// Everything that is wrong, each in one line; nothing when all is well. `now` is in seconds since the epoch.
#[must_use]
pub fn findings(reply: &StatusReply, now: i64) -> Vec<String> {
    let configuration = reply.configuration_version.is_empty().then(|| {
        "the controller has not read its manifests yet: is its --manifests folder there?".to_owned()
    });
    let problems = reply.problems.iter().map(of_problem);
    let nodes = reply.nodes.iter().flat_map(of_node);
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
    format!("{}: {object}{field}{}{effect}", problem.file, problem.message)
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

fn of_node(node: &NodeStatus) -> Vec<String> {
    let name = &node.node;
    if !node.connected {
        // A token that nobody uses yet is no fault; if there should be a node, its Pods say so.
        let gone =
            format!("node {name}: not connected to the controller; its traffic goes on as configured last");
        return node.report.is_some().then_some(gone).into_iter().collect();
    }
    let mut findings = Vec::new();
    if !node.rejected.is_empty() {
        findings.push(format!("node {name}: refused resources: {}", node.rejected));
    } else if !node.in_sync {
        findings.push(format!("node {name}: has not acknowledged the present configuration yet"));
    }
    if let Some(report) = &node.report {
        if !report.agent_connected {
            findings.push(format!("node {name}: karez-agent is not connected to karez-node"));
        }
        let failing = report.certificates.iter().filter(|certificate| !certificate.problem.is_empty());
        findings.extend(failing.map(|certificate| {
            format!("node {name}: certificate of {}: {}", certificate.identity, certificate.problem)
        }));
    }
    findings
}

fn of_pod(pod: &PodStatus) -> Option<String> {
    let name = format!("{}/{}", pod.namespace, pod.name);
    if !pod.problem.is_empty() {
        return Some(format!("Pod {name}: {}", pod.problem));
    }
    (pod.enrolled && !pod.captured).then(|| format!("Pod {name}: not captured"))
}

/// That the root that signs ends soon: with it ends every certificate of the mesh. A retiring one is to end.
fn of_roots(roots: &[RootStatus], now: i64) -> Option<String> {
    let signing = roots.iter().find(|root| root.phase == "signing")?;
    let left = signing.not_after.saturating_sub(now);
    let life = signing.not_after.saturating_sub(signing.not_before);
    if left >= REPLACE_BEFORE.min(life / 10) {
        return None;
    }
    let end = match left {
        ..=0 => "has expired".to_owned(),
        _ => format!("expires in {}", span(left)),
    };
    let remedy = match roots.iter().any(|root| root.phase == "announced") {
        true => "the rotation that is under way replaces it",
        false => "replace it with karez ca rotate",
    };
    Some(format!("the mesh's root certificate {end}, at {}: {remedy}", iso(signing.not_after)))
}

#[cfg(test)]
mod tests;
