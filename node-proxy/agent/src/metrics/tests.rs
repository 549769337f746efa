use karez_handover::enrol::PodStatus;

use super::*;

fn pod(captured: bool, carried_by: &[&str]) -> PodStatus {
    PodStatus {
        uid: "u1".to_owned(),
        namespace: "shop".to_owned(),
        name: "web".to_owned(),
        service_account: "default".to_owned(),
        netns: "/web".into(),
        addresses: Vec::new(),
        captured,
        carried_by: carried_by.iter().map(ToString::to_string).collect(),
        problem: None,
    }
}

#[test]
fn pods_are_counted_as_they_are() {
    let (repairs, sockets) = (Counter::default(), Counter::default());
    let cluster = ClusterMetrics::default();
    let metrics = Metrics::new(repairs.clone(), sockets.clone(), Some(&cluster));
    cluster.repaired.inc();
    cluster.missing.set(2);
    repairs.inc();
    sockets.inc_by(64);
    let pods = PodList { pods: vec![pod(true, &["node"]), pod(true, &[]), pod(false, &["node"])] };
    let text = metrics.text(&pods);
    for line in [
        "karez_agent_pods_enrolled 3",
        "karez_agent_pods_captured 2",
        "karez_agent_pods_uncaptured 1",
        "karez_agent_pods_uncarried 1",
        "karez_agent_repairs_total 1",
        "karez_agent_sockets_served_total 64",
        "karez_agent_pods_missing 2",
        "karez_agent_pods_repaired_total 1",
        "karez_agent_node_proxies 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
    assert!(metrics.text(&PodList::default()).contains("karez_agent_pods_enrolled 0"));
}

#[test]
fn without_a_cluster_nothing_is_told_of_one() {
    let text = Metrics::new(Counter::default(), Counter::default(), None).text(&PodList::default());
    assert!(!text.contains("missing") && !text.contains("node_proxies"), "{text}");
}
