use std::sync::Arc;
use std::time::Duration;

use karez_api::identity::Identity;
use karez_resources::Problem;
use karez_translate::Effect;

use super::*;
use crate::ca::{Root, Roots, Standing};
use crate::catalog::ResourceType;
use crate::nodes::Nodes;
use crate::progress::Progress;

fn placement(name: &str, node: Option<&str>, enrolled: bool) -> PodPlacement {
    PodPlacement {
        uid: format!("Kubernetes//Pod/shop/{name}"),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        node: node.map(str::to_owned),
        identity: Identity::new("cluster.local", "shop", name).ok(),
        enrolled,
        permissive_ports: Vec::new(),
    }
}

fn pods_of(placements: impl IntoIterator<Item = PodPlacement>) -> Option<Pods> {
    Some(placements.into_iter().collect())
}

fn carried(name: &str, captured: bool, problem: &str) -> PodReport {
    PodReport {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        captured,
        problem: problem.to_owned(),
        ..Default::default()
    }
}

#[test]
fn each_pod_says_what_keeps_it_from_being_captured() {
    let now = Instant::now();
    let nodes = Nodes::default();
    let _silent = nodes.connect("silent");
    let pods = vec![
        carried("fine", true, ""),
        carried("starting", false, ""),
        carried("failing", false, "no certificate"),
        carried("outside", true, ""),
        carried("stranger", true, ""),
    ];
    nodes.report("one", NodeReport { pods, ..Default::default() }, now);
    let published = Published {
        trust_domain: "cluster.local".to_owned(),
        pods: pods_of([
            placement("fine", Some("one"), true),
            placement("starting", Some("one"), true),
            placement("failing", Some("one"), true),
            placement("missing", Some("one"), true),
            placement("unbound", None, true),
            placement("quiet", Some("silent"), true),
            placement("nowhere", Some("unknown"), true),
            placement("outside", Some("one"), false),
            placement("plain", Some("one"), false),
        ]),
        problems: Arc::default(),
        ..Published::default()
    };
    let records = nodes.records();
    let expected = BTreeSet::from(["one", "silent"].map(str::to_owned));
    let known = Known {
        now,
        enrolment: Enrolment::ByHand,
        snapshot: None,
        published: &published,
        nodes: &expected,
        records: &records,
    };
    let expected = [
        ("fine", true, ""),
        ("starting", false, "does not carry its traffic yet"),
        ("failing", false, "no certificate"),
        ("missing", false, "karez pod add shop/missing --netns PATH on node one"),
        ("unbound", false, "not bound to a node"),
        ("quiet", false, "node silent has not reported"),
        ("nowhere", false, "node unknown is not connected"),
        ("outside", true, "kept out of the mesh by its labels"),
        ("plain", false, ""),
        ("stranger", true, "no manifest has it"),
    ];
    let found = pods_by_name(&known);
    assert_eq!(found.len(), expected.len());
    for (name, captured, problem) in expected {
        let pod = &found[name];
        assert_eq!(pod.captured, captured, "{name}");
        assert_eq!(problem.is_empty(), pod.problem.is_empty(), "{name}: {}", pod.problem);
        assert!(pod.problem.contains(problem), "{name}: {}", pod.problem);
    }
}

#[test]
fn a_pod_that_is_enrolled_elsewhere_says_where() {
    let now = Instant::now();
    let nodes = Nodes::default();
    let _streams = ["n1", "n2"].map(|node| nodes.connect(node));
    let pods =
        ["moved", "unbound", "unlabelled", "both", "left"].map(|name| carried(name, true, "")).to_vec();
    nodes.report("n2", NodeReport { pods: pods.clone(), ..Default::default() }, now);
    nodes.report("n1", NodeReport { pods: vec![carried("both", true, "")], ..Default::default() }, now);
    nodes.report("away", NodeReport { pods: vec![carried("stale", true, "")], ..Default::default() }, now);
    let published = Published {
        pods: pods_of([
            placement("moved", Some("n1"), true),
            placement("unbound", None, true),
            placement("unlabelled", Some("n1"), false),
            placement("both", Some("n1"), true),
            placement("stale", Some("n1"), true),
        ]),
        ..Default::default()
    };
    let records = nodes.records();
    let expected = BTreeSet::from(["n1", "n2", "away"].map(str::to_owned));
    let known = Known {
        now,
        enrolment: Enrolment::ByHand,
        snapshot: None,
        published: &published,
        nodes: &expected,
        records: &records,
    };
    let found = pods_by_name(&known);
    let on_n1 = "enrolled on node n2, and the manifests have it on node n1: its certificate is not renewed";
    for (name, captured, problem) in [
        ("moved", true, on_n1),
        ("unbound", true, "enrolled on node n2, and the manifests bind it to no node"),
        ("unlabelled", true, on_n1),
        ("both", true, ""),
        ("stale", false, "karez pod add shop/stale --netns PATH on node n1"),
        ("left", true, "no manifest has it"),
    ] {
        let pod = &found[name];
        assert_eq!(pod.captured, captured, "{name}");
        assert_eq!(problem.is_empty(), pod.problem.is_empty(), "{name}: {}", pod.problem);
        assert!(pod.problem.contains(problem), "{name}: {}", pod.problem);
    }
}

#[test]
fn on_a_cluster_nobody_is_told_to_enrol_by_hand() {
    let now = Instant::now();
    let nodes = Nodes::default();
    let _streams = ["n1", "n2"].map(|node| nodes.connect(node));
    let pods = ["unlabelled", "left"].map(|name| carried(name, true, "")).to_vec();
    nodes.report("n1", NodeReport { pods, ..Default::default() }, now);
    nodes.report("n2", NodeReport { pods: vec![carried("moved", true, "")], ..Default::default() }, now);
    let pods = pods_of([
        placement("missing", Some("n1"), true),
        placement("unlabelled", Some("n1"), false),
        placement("moved", Some("n1"), true),
    ]);
    let published = Published { pods, ..Default::default() };
    let records = nodes.records();
    let expected = BTreeSet::from(["n1", "n2"].map(str::to_owned));
    let enrolment = Enrolment::ByAgent;
    let known =
        Known { now, enrolment, snapshot: None, published: &published, nodes: &expected, records: &records };
    let found = pods_by_name(&known);
    assert_eq!(found.len(), 4);
    for (name, node) in [("missing", "n1"), ("unlabelled", "n1"), ("left", "n1"), ("moved", "n2")] {
        let problem = &found[name].problem;
        assert!(problem.ends_with(&format!("the log of karez-agent on node {node} says why")), "{problem}");
        assert!(!problem.contains("manifest") && !problem.contains("karez pod"), "{problem}");
    }
}

#[test]
fn pods_under_another_meshs_proxy_are_unreported_and_not_wrong() {
    let now = Instant::now();
    let nodes = Nodes::default();
    let follows = |types: &[ResourceType]| types.iter().map(|it| (*it, Progress::default())).collect();
    let [ztunnel, own, _silent] = ["ztunnel", "own", "silent"].map(|node| nodes.connect(node));
    ztunnel.progress(follows(&[ResourceType::Address, ResourceType::Authorization]));
    own.progress(follows(&[ResourceType::Address, ResourceType::TrustBundle]));
    // From the time when Karez's own proxy served that node.
    nodes.report("ztunnel", NodeReport { pods: vec![carried("web", true, "")], ..Default::default() }, now);
    let placements = [("api", "silent"), ("db", "own"), ("web", "ztunnel")];
    let placements = placements.map(|(name, node)| placement(name, Some(node), true));
    let published = Published { pods: pods_of(placements), ..Default::default() };
    let records = nodes.records();
    let expected = BTreeSet::from(["ztunnel", "own", "silent"].map(str::to_owned));
    let known = Known {
        now,
        enrolment: Enrolment::ByHand,
        snapshot: None,
        published: &published,
        nodes: &expected,
        records: &records,
    };
    let reply = reply(&known, vec![]);
    let shown: Vec<_> =
        reply.nodes.iter().map(|node| (&*node.node, node.foreign, node.report_age_s)).collect();
    assert_eq!(shown, [("own", false, -1), ("silent", false, -1), ("ztunnel", true, -1)]);
    let pods: Vec<_> =
        reply.pods.iter().map(|pod| (&*pod.name, pod.unreported, pod.problem.is_empty())).collect();
    assert_eq!(pods, [("api", false, false), ("db", false, false), ("web", true, true)]);
    drop(records);
    drop(ztunnel);
    let records = nodes.records();
    let known = Known {
        now,
        enrolment: Enrolment::ByHand,
        snapshot: None,
        published: &published,
        nodes: &expected,
        records: &records,
    };
    let gone = &pods_by_name(&known)["web"];
    assert_eq!((gone.unreported, &*gone.problem), (true, "node ztunnel is not connected to the controller"));
}

fn pods_by_name(known: &Known<'_>) -> BTreeMap<String, PodStatus> {
    pods(known).into_iter().map(|pod| (pod.name.clone(), pod)).collect()
}

#[test]
fn nodes_are_those_with_a_token() {
    let now = Instant::now();
    let nodes = Nodes::default();
    let _stream = nodes.connect("called");
    nodes.report("revoked", NodeReport { pods: vec![carried("x", true, "")], ..Default::default() }, now);
    nodes.report("called", NodeReport { version: "1".to_owned(), ..Default::default() }, now);
    let expected = BTreeSet::from(["called", "quiet"].map(str::to_owned));
    let published = Published::default();
    let records = nodes.records();
    let later = now + Duration::from_secs(7);
    let known = Known {
        now: later,
        enrolment: Enrolment::ByHand,
        snapshot: None,
        published: &published,
        nodes: &expected,
        records: &records,
    };
    let reply = reply(&known, vec![]);
    let found: Vec<_> =
        reply.nodes.iter().map(|node| (&*node.node, node.connected, node.report_age_s)).collect();
    assert_eq!(found, [("called", true, 7), ("quiet", false, -1)]);
    assert!(reply.pods.is_empty());
}

#[test]
fn a_problem_keeps_its_line_field_and_effect() {
    let report = Report {
        source: "a.yaml".to_owned(),
        problem: Problem {
            kind: "Pod".to_owned(),
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
            field: "spec.nodeName".to_owned(),
            line: Some(3),
            message: "no".to_owned(),
        },
        effect: Effect::LastGoodVersion,
    };
    let shown = problem(&report);
    assert_eq!(
        (&*shown.file, &*shown.message, &*shown.effect),
        ("a.yaml", "line 3: no", "last good version")
    );
}

struct Nobody;

impl Witnesses for Nobody {
    fn standings(&self, _: &Roots) -> BTreeMap<String, Standing> {
        BTreeMap::from([("node-1".to_owned(), Standing::Pending)])
    }
}

#[test]
fn roots_say_what_they_wait_for() {
    let now = Timestamp::from_seconds(1000);
    let root = || Root::generate(now, Duration::from_secs(1_000_000)).unwrap();
    let mut state = State {
        roots: Roots::new(root(), Duration::from_secs(100)),
        nodes: BTreeMap::new(),
        votes: Default::default(),
    };
    state.roots.announce(root(), now).unwrap();
    state.roots.advance(now, &[], Duration::from_secs(100));
    state.roots.announce(root(), now).unwrap();
    let shown = roots(&state, &Nobody, now);
    let found: Vec<_> = shown.iter().map(|root| (root.phase(), &*root.waiting_for)).collect();
    let retiring = "the last certificate that it signed to expire, at 1970-01-01T00:18:21Z";
    assert_eq!(
        found,
        [
            (RootPhase::Signing, ""),
            (RootPhase::Announced, "node node-1 to acknowledge the trust bundle"),
            (RootPhase::Retiring, retiring)
        ]
    );
    // A root begins a minute early: nodes' clocks need not agree.
    assert!(shown.iter().all(|root| (root.not_before, root.not_after) == (940, 1_001_000)), "{shown:?}");
}
