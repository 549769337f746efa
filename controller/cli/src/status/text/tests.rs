use karez_api::operator::{CertificateReport, NodeReport};

use super::*;

#[test]
fn nodes_pods_roots_and_findings_are_shown() {
    let identity = "spiffe://cluster.local/ns/shop/sa/web".to_owned();
    let certificate =
        CertificateReport { identity: identity.clone(), not_after: 4600, problem: String::new() };
    let report = NodeReport {
        version: "0.1.0".to_owned(),
        agent_connected: true,
        certificates: vec![certificate],
        ..Default::default()
    };
    let reply = StatusReply {
        configuration_version: "00ff".to_owned(),
        trust_domain: "cluster.local".to_owned(),
        nodes: vec![
            NodeStatus {
                node: "node-1".to_owned(),
                connected: true,
                in_sync: true,
                report_age_s: 3,
                report: Some(report),
                ..Default::default()
            },
            NodeStatus { node: "node-2".to_owned(), report_age_s: -1, ..Default::default() },
        ],
        pods: vec![PodStatus {
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
            node: "node-1".to_owned(),
            identity,
            enrolled: true,
            captured: true,
            ..Default::default()
        }],
        roots: vec![RootStatus {
            fingerprint: "0123456789abcdef0123".to_owned(),
            phase: RootPhase::Signing.into(),
            not_after: 0,
            ..Default::default()
        }],
        ..Default::default()
    };
    let expected = "\
Configuration 00ff, trust domain cluster.local

NODE    CONNECTED  CONFIGURATION  AGENT      PODS  VERSION  REPORT
node-1  yes        current        connected  0     0.1.0    3s ago
node-2  no         -              -          -     -        never

POD       NODE    ENROLLED  CAPTURED  CERTIFICATE  IDENTITY                               PROBLEM
shop/web  node-1  yes       yes       for 1h0m     spiffe://cluster.local/ns/shop/sa/web  -

ROOT              PHASE    VALID UNTIL           WAITS FOR
0123456789abcdef  signing  1970-01-01T00:00:00Z  -

";
    assert_eq!(text(&reply, &[], 1000), format!("{expected}All is well.\n"));
    let findings = ["one\n".to_owned(), "two".to_owned()];
    assert_eq!(text(&reply, &findings, 1000), format!("{expected}Wrong:\n  one\\n\n  two\n"));
    assert!(text(&reply, &[], 5000).contains("expired"));
}

#[test]
fn permissive_ports_are_shown_where_there_are_any() {
    let pod = |name: &str, enrolled, permissive_ports: &[u32]| PodStatus {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        enrolled,
        permissive_ports: permissive_ports.to_vec(),
        ..Default::default()
    };
    let shown = |pods| text(&StatusReply { pods, ..Default::default() }, &[], 0);
    assert!(!shown(vec![pod("web", true, &[]), pod("out", false, &[80])]).contains("PERMISSIVE"));
    let shown = shown(vec![pod("hook", true, &[8443, 9090]), pod("web", true, &[])]);
    assert!(shown.contains("\nPOD        PERMISSIVE PORTS\nshop/hook  8443, 9090\n\n"), "{shown}");
}

#[test]
fn a_node_under_another_meshs_proxy_and_a_rotation_that_waits_are_told() {
    let reply = StatusReply {
        nodes: vec![NodeStatus {
            node: "n1".to_owned(),
            connected: true,
            in_sync: true,
            report_age_s: -1,
            foreign: true,
            ..Default::default()
        }],
        pods: vec![PodStatus {
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
            node: "n1".to_owned(),
            enrolled: true,
            unreported: true,
            ..Default::default()
        }],
        roots: vec![RootStatus {
            phase: RootPhase::Announced.into(),
            waiting_for: "node n2 to acknowledge the trust bundle".to_owned(),
            ..Default::default()
        }],
        configuration_version: "00ff".to_owned(),
        ..Default::default()
    };
    let shown = text(&reply, &crate::status::findings(&reply, 1000), 1000);
    let lines = [
        "n1    yes        current        -      -     -        another mesh's proxy\n",
        "shop/web  n1    yes       unknown   -            -         -\n",
        "node n2 to acknowledge the trust bundle\n",
        "karez ca rotate --force\n",
        "All is well.\n",
    ];
    for line in lines {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
}
