//! The answer as JSON shows it: every time in ISO 8601, and nothing where there is nothing.

use karez_api::operator::{
    CertificateReport, NodeReport, NodeStatus, ObjectProblem, PodStatus, RootStatus, StatusReply,
};
use serde::Serialize;

use super::text::phase;
use crate::times::rfc3339;

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusView {
    configuration_version: Option<String>,
    trust_domain: Option<String>,
    nodes: Vec<NodeView>,
    pods: Vec<PodView>,
    problems: Vec<ProblemView>,
    roots: Vec<RootView>,
    /// All that is wrong, in words; empty when all is well.
    findings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeView {
    name: String,
    connected: bool,
    /// It has acknowledged the present configuration.
    in_sync: bool,
    rejected: Option<String>,
    /// Another mesh's proxy, which sends no reports.
    foreign: bool,
    /// Of the last report.
    report_age_seconds: Option<i64>,
    version: Option<String>,
    agent_connected: Option<bool>,
    configuration_version: Option<String>,
    certificates: Vec<CertificateView>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct CertificateView {
    identity: String,
    not_after: Option<String>,
    problem: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct PodView {
    namespace: String,
    name: String,
    node: Option<String>,
    identity: Option<String>,
    enrolled: bool,
    /// Nothing when its node's proxy sends no reports.
    captured: Option<bool>,
    certificate_not_after: Option<String>,
    /// Strict mode admits peers without an identity there.
    permissive_ports: Vec<u32>,
    problem: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProblemView {
    file: String,
    kind: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    field: Option<String>,
    message: String,
    effect: Option<String>,
}

/// A root.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RootView {
    fingerprint: String,
    phase: &'static str,
    not_after: String,
    waiting_for: Option<String>,
}

impl StatusView {
    /// Of the controller's answer and of what is wrong with it.
    #[must_use]
    pub fn of(reply: &StatusReply, findings: &[String]) -> Self {
        Self {
            configuration_version: some(&reply.configuration_version),
            trust_domain: some(&reply.trust_domain),
            nodes: reply.nodes.iter().map(NodeView::of).collect(),
            pods: reply.pods.iter().map(|pod| PodView::of(pod, &reply.nodes)).collect(),
            problems: reply.problems.iter().map(ProblemView::of).collect(),
            roots: reply.roots.iter().map(RootView::of).collect(),
            findings: findings.to_vec(),
        }
    }
}

impl NodeView {
    fn of(node: &NodeStatus) -> Self {
        let report = node.report.as_ref();
        Self {
            name: node.node.clone(),
            connected: node.connected,
            in_sync: node.in_sync,
            rejected: some(&node.rejected),
            foreign: node.foreign,
            report_age_seconds: (node.report_age_s >= 0).then_some(node.report_age_s),
            version: report.and_then(|report| some(&report.version)),
            agent_connected: report.map(|report| report.agent_connected),
            configuration_version: report.and_then(|report| some(&report.configuration_version)),
            certificates: certificates(report).iter().map(CertificateView::of).collect(),
        }
    }
}

impl CertificateView {
    fn of(certificate: &CertificateReport) -> Self {
        Self {
            identity: certificate.identity.clone(),
            not_after: time(certificate.not_after),
            problem: some(&certificate.problem),
        }
    }
}

impl PodView {
    fn of(pod: &PodStatus, nodes: &[NodeStatus]) -> Self {
        let node = nodes.iter().find(|node| node.node == pod.node);
        let held = certificates(node.and_then(|node| node.report.as_ref()))
            .iter()
            .find(|certificate| certificate.identity == pod.identity);
        Self {
            namespace: pod.namespace.clone(),
            name: pod.name.clone(),
            node: some(&pod.node),
            identity: some(&pod.identity),
            enrolled: pod.enrolled,
            captured: (!pod.unreported).then_some(pod.captured),
            certificate_not_after: held.and_then(|certificate| time(certificate.not_after)),
            permissive_ports: pod.permissive_ports.clone(),
            problem: some(&pod.problem),
        }
    }
}

impl ProblemView {
    fn of(problem: &ObjectProblem) -> Self {
        Self {
            file: problem.file.clone(),
            kind: some(&problem.kind),
            namespace: some(&problem.namespace),
            name: some(&problem.name),
            field: some(&problem.field),
            message: problem.message.clone(),
            effect: some(&problem.effect),
        }
    }
}

impl RootView {
    /// Of the controller's answer.
    #[must_use]
    pub fn of(root: &RootStatus) -> Self {
        Self {
            fingerprint: root.fingerprint.clone(),
            phase: phase(root.phase()),
            not_after: rfc3339(root.not_after),
            waiting_for: some(&root.waiting_for),
        }
    }
}

fn certificates(report: Option<&NodeReport>) -> &[CertificateReport] {
    report.map_or(&[], |report| &report.certificates)
}

fn time(seconds: i64) -> Option<String> {
    (seconds > 0).then(|| rfc3339(seconds))
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
