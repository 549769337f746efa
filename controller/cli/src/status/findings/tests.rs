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
        roots: vec![root("signing", NOW, NOW + 3650 * DAY)],
        ..Default::default()
    }
}

fn root(phase: &str, not_before: i64, not_after: i64) -> RootStatus {
    RootStatus { phase: phase.to_owned(), not_before, not_after, ..Default::default() }
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
        ("has not read its manifests", |reply| reply.configuration_version.clear()),
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

#[test]
fn a_root_that_ends_soon_is_found() {
    let of =
        |roots: &[RootStatus]| findings(&StatusReply { roots: roots.to_vec(), ..healthy() }, NOW).join("\n");
    let ten_years = |left: i64| root("signing", NOW + left - 3650 * DAY, NOW + left);
    assert_eq!(of(&[ten_years(30 * DAY)]), "");
    let soon = "the mesh's root certificate expires in 29d23h, at 2027-02-14T07:59:59Z: replace it with karez ca rotate";
    assert_eq!(of(&[ten_years(30 * DAY - 1)]), soon);
    assert!(of(&[ten_years(0)]).contains("has expired, at"));
    // Of a root that lives an hour the last six minutes.
    assert_eq!(of(&[root("signing", NOW - 3240, NOW + 360)]), "");
    assert!(of(&[root("signing", NOW - 3241, NOW + 359)]).contains("expires in 5m59s"));
    let old = root("retiring", NOW - 3650 * DAY, NOW + DAY);
    assert_eq!(of(&[root("signing", NOW, NOW + 3650 * DAY), old]), "");
    let new = root("announced", NOW, NOW + 3650 * DAY);
    assert!(of(&[ten_years(DAY), new]).contains("the rotation that is under way"));
}
