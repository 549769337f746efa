use karez_api::operator::{CertificateReport, NodeReport};

use super::*;

const NOW: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

/// All is well.
fn healthy() -> StatusReply {
    StatusReply {
        configuration_version: "1".to_owned(),
        nodes: vec![NodeStatus {
            node: "node-1".to_owned(),
            connected: true,
            in_sync: true,
            report: Some(NodeReport { agent_connected: true, ..Default::default() }),
            ..Default::default()
        }],
        pods: vec![PodStatus {
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
            node: "node-1".to_owned(),
            enrolled: true,
            captured: true,
            ..Default::default()
        }],
        roots: vec![root(RootPhase::Signing, NOW, NOW + 3650 * DAY)],
        ..Default::default()
    }
}

fn root(phase: RootPhase, not_before: i64, not_after: i64) -> RootStatus {
    RootStatus { phase: phase.into(), not_before, not_after, ..Default::default() }
}

#[test]
fn nothing_is_found_when_all_is_well() {
    assert_eq!(findings(&healthy(), NOW), [""; 0]);
}

#[test]
fn a_node_that_was_never_used_is_no_fault() {
    let mut reply = healthy();
    reply.nodes.push(NodeStatus { node: "spare".to_owned(), ..Default::default() });
    assert_eq!(findings(&reply, NOW), [""; 0]);
}

#[test]
fn everything_that_is_wrong_is_found() {
    type Break = fn(&mut StatusReply);
    let cases: [(&str, Break); 9] = [
        ("has not seen every object", |reply| reply.configuration_version.clear()),
        ("a.yaml: Pod shop/web: spec.x: no (in its place: refused)", |reply| {
            reply.problems.push(ObjectProblem {
                file: "a.yaml".to_owned(),
                kind: "Pod".to_owned(),
                namespace: "shop".to_owned(),
                name: "web".to_owned(),
                field: "spec.x".to_owned(),
                message: "no".to_owned(),
                effect: "refused".to_owned(),
            });
        }),
        ("node node-1: not connected", |reply| reply.nodes[0].connected = false),
        ("node node-1: refused resources: no", |reply| reply.nodes[0].rejected = "no".to_owned()),
        ("has not acknowledged", |reply| reply.nodes[0].in_sync = false),
        ("karez-agent is not connected", |reply| {
            reply.nodes[0].report.as_mut().unwrap().agent_connected = false;
        }),
        ("certificate of spiffe://a: refused", |reply| {
            let problem = CertificateReport {
                identity: "spiffe://a".to_owned(),
                problem: "refused".to_owned(),
                not_after: 0,
            };
            reply.nodes[0].report.as_mut().unwrap().certificates.push(problem);
        }),
        ("Pod shop/web: not captured", |reply| reply.pods[0].captured = false),
        ("Pod shop/web: broken", |reply| reply.pods[0].problem = "broken".to_owned()),
    ];
    for (expected, damage) in cases {
        let mut reply = healthy();
        damage(&mut reply);
        let found = findings(&reply, NOW);
        assert_eq!(found.len(), 1, "{expected}: {found:?}");
        assert!(found[0].contains(expected), "{expected}: {found:?}");
    }
}

fn expires(seconds: i64, problem: &str) -> CertificateReport {
    CertificateReport {
        identity: "spiffe://a".to_owned(),
        not_after: NOW + seconds,
        problem: problem.to_owned(),
    }
}

#[test]
fn a_certificate_that_has_expired_is_found() {
    let of = |certificate| {
        let mut reply = healthy();
        reply.nodes[0].report.as_mut().unwrap().certificates.push(certificate);
        findings(&reply, NOW).join("\n")
    };
    assert_eq!(of(expires(1, "")), "");
    let expired = "node node-1: certificate of spiffe://a has expired, at 2027-01-15T08:00:00Z: what is new is refused \
                   until it is renewed";
    assert_eq!(of(expires(0, "")), expired);
    assert_eq!(of(expires(0, "no CA")), format!("{expired}: no CA"));
}

#[test]
fn of_a_node_that_is_not_connected_the_traffic_goes_on_while_its_certificates_are_valid() {
    let of = |ends: [i64; 2]| {
        let mut reply = healthy();
        reply.nodes[0].connected = false;
        reply.nodes[0].report.as_mut().unwrap().certificates = ends.map(|end| expires(end, "")).to_vec();
        findings(&reply, NOW).join("\n")
    };
    let gone = "node node-1: not connected to the controller; ";
    assert_eq!(of([1, 2]), format!("{gone}its traffic goes on as configured last"));
    let expired = "1 of 2 certificates expired: what is new with those is refused until the node is connected again; \
                   all else goes on as configured last";
    assert_eq!(of([0, 1]), format!("{gone}{expired}"));
}

#[test]
fn a_connected_node_that_has_not_reported_for_long_is_found() {
    let of = |connected, report_age_s| {
        let mut reply = healthy();
        reply.nodes[0] = NodeStatus { connected, report_age_s, ..reply.nodes[0].clone() };
        findings(&reply, NOW).join("\n")
    };
    assert_eq!(of(true, 90), "");
    assert_eq!(of(true, 91), "node node-1: connected, and has not reported for 1m31s: karez-node may hang");
    assert!(!of(false, 91).contains("hang"));
}

#[test]
fn a_root_that_ends_soon_is_found() {
    let of =
        |roots: &[RootStatus]| findings(&StatusReply { roots: roots.to_vec(), ..healthy() }, NOW).join("\n");
    let ten_years = |left: i64| root(RootPhase::Signing, NOW + left - 3650 * DAY, NOW + left);
    assert_eq!(of(&[ten_years(30 * DAY)]), "");
    let soon = "the mesh's root certificate expires in 29d23h, at 2027-02-14T07:59:59Z: replace it with karez ca rotate";
    assert_eq!(of(&[ten_years(30 * DAY - 1)]), soon);
    assert!(of(&[ten_years(0)]).contains("has expired, at"));
    // Of a root that lives an hour the last six minutes.
    assert_eq!(of(&[root(RootPhase::Signing, NOW - 3240, NOW + 360)]), "");
    assert!(of(&[root(RootPhase::Signing, NOW - 3241, NOW + 359)]).contains("expires in 5m59s"));
    let old = root(RootPhase::Retiring, NOW - 3650 * DAY, NOW + DAY);
    assert_eq!(of(&[root(RootPhase::Signing, NOW, NOW + 3650 * DAY), old]), "");
    let new = root(RootPhase::Announced, NOW, NOW + 3650 * DAY);
    assert!(of(&[ten_years(DAY), new]).contains("the rotation that is under way"));
}
