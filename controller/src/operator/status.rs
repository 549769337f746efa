//! One answer made of what users wrote, what nodes were sent and what they say. Pure.

use std::collections::{BTreeMap, BTreeSet};

use karez_api::operator::{
    NodeReport, NodeStatus, ObjectProblem, PodReport, PodStatus, RootPhase, RootStatus, StatusReply,
};
use karez_translate::{PodPlacement, Pods, Report};
use tokio::time::Instant;

use super::advice::Enrolment;
use crate::ca::{Phase, State, Timestamp, Witnesses, waits};
use crate::catalog::Snapshot;
use crate::nodes::NodeRecord;
use crate::publication::Published;

/// What an answer is made of.
pub(super) struct Known<'a> {
    pub(super) now: Instant,
    pub(super) enrolment: Enrolment,
    pub(super) snapshot: Option<&'a Snapshot>,
    pub(super) published: &'a Published,
    /// Those that a node proxy calls from, or should.
    pub(super) nodes: &'a BTreeSet<String>,
    pub(super) records: &'a BTreeMap<String, NodeRecord>,
}

/// The whole answer.
pub(super) fn reply(known: &Known<'_>, roots: Vec<RootStatus>) -> StatusReply {
    StatusReply {
        configuration_version: known.snapshot.map(|it| it.version().to_string()).unwrap_or_default(),
        trust_domain: known.published.trust_domain.clone(),
        nodes: known.nodes.iter().map(|name| node(known, name)).collect(),
        pods: pods(known),
        problems: known.published.problems.iter().map(problem).collect(),
        roots,
    }
}

fn node(known: &Known<'_>, name: &str) -> NodeStatus {
    let record = known.records.get(name);
    let is_foreign = record.is_some_and(NodeRecord::is_foreign);
    // What another proxy reported before is not this one's.
    let report = record.and_then(NodeRecord::report).filter(|_| !is_foreign);
    let age = report.map(|(at, _)| known.now.saturating_duration_since(*at).as_secs());
    NodeStatus {
        node: name.to_owned(),
        connected: record.is_some_and(NodeRecord::is_connected),
        report_age_s: age.map_or(-1, |age| i64::try_from(age).unwrap_or(i64::MAX)),
        report: report.map(|(_, report)| report.clone()),
        in_sync: record.zip(known.snapshot).is_some_and(|(record, present)| record.is_in_sync(present)),
        rejected: record.map(|record| record.rejected().join("; ")).unwrap_or_default(),
        foreign: is_foreign,
    }
}

/// What nodes say of Pods, by namespace and name.
type Carried<'a> = BTreeMap<(&'a str, &'a str), Vec<(&'a str, &'a PodReport)>>;

/// The Pods of the source, and those that nodes carry beside them.
fn pods(known: &Known<'_>) -> Vec<PodStatus> {
    let carried = carried(known);
    let placements = || known.published.pods.iter().flat_map(Pods::iter);
    let placed = placements().map(|pod| pod_status(known, &carried, pod));
    let named: BTreeSet<(&str, &str)> =
        placements().map(|pod| (pod.namespace.as_str(), pod.name.as_str())).collect();
    let strangers = carried.iter().filter(|(name, _)| !named.contains(*name));
    let strangers =
        strangers.flat_map(|(_, carriers)| carriers).map(|(node, pod)| stranger(known, node, pod));
    placed.chain(strangers).collect()
}

fn carried<'a>(known: &Known<'a>) -> Carried<'a> {
    let mut carried = Carried::new();
    // What others said before they were to call no longer is of no interest.
    for node in known.nodes {
        let record = known.records.get(node).filter(|record| !record.is_foreign());
        let report = record.and_then(NodeRecord::report);
        for pod in report.map_or(&[][..], |(_, report)| &report.pods) {
            carried.entry((&pod.namespace, &pod.name)).or_default().push((node, pod));
        }
    }
    carried
}

fn pod_status(known: &Known<'_>, carried: &Carried<'_>, pod: &PodPlacement) -> PodStatus {
    let record = pod.node.as_ref().and_then(|node| known.records.get(node));
    let is_foreign = record.is_some_and(NodeRecord::is_foreign);
    let report = record.filter(|_| !is_foreign).and_then(NodeRecord::report).map(|(_, report)| report);
    let reported = report.and_then(|report| reported(report, pod));
    let elsewhere = elsewhere(known, carried, pod).filter(|_| reported.is_none());
    PodStatus {
        namespace: pod.namespace.clone(),
        name: pod.name.clone(),
        node: pod.node.clone().unwrap_or_default(),
        identity: pod.identity.as_ref().map(ToString::to_string).unwrap_or_default(),
        enrolled: pod.enrolled,
        captured: reported.or(elsewhere.map(|(_, pod)| pod)).is_some_and(|pod| pod.captured),
        problem: match elsewhere {
            Some((node, _)) => known.enrolment.misplaced(&full_name(pod), pod.node.as_deref(), node),
            None => pod_problem(known.enrolment, pod, record, report, reported),
        },
        unreported: is_foreign && pod.enrolled && elsewhere.is_none(),
        permissive_ports: pod.permissive_ports.iter().copied().map(u32::from).collect(),
    }
}

/// A node that carries the Pod and is not the one that it is bound to. One that is not connected does not count: what it
/// said last may long be otherwise.
fn elsewhere<'a>(
    known: &Known<'_>,
    carried: &Carried<'a>,
    pod: &PodPlacement,
) -> Option<(&'a str, &'a PodReport)> {
    let carriers = carried.get(&(pod.namespace.as_str(), pod.name.as_str()))?;
    let is_connected = |node| known.records.get(node).is_some_and(NodeRecord::is_connected);
    carriers.iter().copied().find(|(node, _)| pod.node.as_deref() != Some(*node) && is_connected(*node))
}

fn full_name(pod: &PodPlacement) -> String {
    format!("{}/{}", pod.namespace, pod.name)
}

fn reported<'a>(report: &'a NodeReport, pod: &PodPlacement) -> Option<&'a PodReport> {
    report.pods.iter().find(|it| it.namespace == pod.namespace && it.name == pod.name)
}

/// What is wrong with a Pod; empty when nothing is.
fn pod_problem(
    enrolment: Enrolment,
    pod: &PodPlacement,
    record: Option<&NodeRecord>,
    report: Option<&NodeReport>,
    reported: Option<&PodReport>,
) -> String {
    match (pod.enrolled, reported) {
        (_, Some(reported)) if !reported.problem.is_empty() => reported.problem.clone(),
        (true, Some(reported)) if reported.captured => String::new(),
        (true, Some(_)) => "its node does not carry its traffic yet".to_owned(),
        (false, Some(_)) => enrolment.unlabelled(&full_name(pod), pod.node.as_deref().unwrap_or_default()),
        (false, None) => String::new(),
        (true, None) => match (&pod.node, record, report) {
            (Some(node), Some(record), _) if record.is_foreign() => match record.is_connected() {
                true => String::new(),
                false => format!("node {node} is not connected to the controller"),
            },
            (None, _, _) => "not bound to a node yet".to_owned(),
            (Some(node), _, Some(_)) => enrolment.missing(&full_name(pod), node),
            (Some(node), Some(_), None) => format!("node {node} has not reported yet"),
            (Some(node), None, None) => {
                format!("node {node} is not connected to the controller: is karez-node running there?")
            }
        },
    }
}

/// A Pod that a node carries and the source does not name.
fn stranger(known: &Known<'_>, node: &str, pod: &PodReport) -> PodStatus {
    PodStatus {
        namespace: pod.namespace.clone(),
        name: pod.name.clone(),
        node: node.to_owned(),
        identity: String::new(),
        enrolled: false,
        captured: pod.captured,
        unreported: false,
        permissive_ports: Vec::new(),
        problem: known.enrolment.unknown(node),
    }
}

fn problem(report: &Report) -> ObjectProblem {
    let problem = &report.problem;
    ObjectProblem {
        file: report.source.clone(),
        kind: problem.kind.clone(),
        namespace: problem.namespace.clone(),
        name: problem.name.clone(),
        field: problem.field.clone(),
        message: match problem.line {
            Some(line) => format!("line {line}: {}", problem.message),
            None => problem.message.clone(),
        },
        effect: report.effect.as_str().to_owned(),
    }
}

/// The roots, with what a rotation waits for.
pub(super) fn roots(state: &State, witnesses: &impl Witnesses, now: Timestamp) -> Vec<RootStatus> {
    let waits: Vec<String> = waits(state, witnesses, now).iter().map(ToString::to_string).collect();
    let root = |(phase, root): (Phase, &crate::ca::RootCertificate)| RootStatus {
        fingerprint: root.fingerprint().to_owned(),
        not_before: root.not_before().seconds(),
        not_after: root.not_after().seconds(),
        phase: root_phase(phase).into(),
        waiting_for: match phase {
            Phase::Signing => String::new(),
            Phase::Announced => waits.join("; "),
            Phase::Retiring => state
                .roots
                .retires(root.fingerprint())
                .map(|until| format!("the last certificate that it signed to expire, at {until}"))
                .unwrap_or_default(),
        },
    };
    state.roots.all().map(root).collect()
}

fn root_phase(phase: Phase) -> RootPhase {
    match phase {
        Phase::Signing => RootPhase::Signing,
        Phase::Announced => RootPhase::Announced,
        Phase::Retiring => RootPhase::Retiring,
    }
}

#[cfg(test)]
mod tests;
