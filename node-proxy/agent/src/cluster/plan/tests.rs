use super::*;

fn pod(uid: &str, membership: Membership) -> (String, LocalPod) {
    let pod = LocalPod {
        uid: uid.to_owned(),
        namespace: "shop".to_owned(),
        name: format!("pod-{uid}"),
        service_account: "web".to_owned(),
        addresses: Vec::new(),
        membership,
    };
    (uid.to_owned(), pod)
}

fn status(uid: &str, captured: bool) -> PodStatus {
    PodStatus {
        uid: uid.to_owned(),
        namespace: "shop".to_owned(),
        name: format!("pod-{uid}"),
        service_account: "web".to_owned(),
        netns: "/run/netns/web".into(),
        addresses: Vec::new(),
        captured,
        carried_by: Vec::new(),
        problem: None,
    }
}

fn nobody(_uid: &str) -> bool {
    false
}

fn uids(pods: &[LocalPod]) -> Vec<&str> {
    pods.iter().map(|pod| pod.uid.as_str()).collect()
}

#[test]
fn what_is_enrolled_becomes_what_the_controller_says() {
    let pods = LocalPods::from([
        pod("new", Membership::Enrolled),
        pod("there", Membership::Enrolled),
        pod("half", Membership::Enrolled),
        pod("labelled-out", Membership::NotEnrolled),
        pod("outside", Membership::NotEnrolled),
        pod("proxy", Membership::NodeProxy),
        pod("enrolled-proxy", Membership::NodeProxy),
    ]);
    let enrolled = [
        status("there", true),
        status("half", false),
        status("labelled-out", true),
        status("enrolled-proxy", true),
        status("unspoken-of", true),
    ];
    let plan = plan(&pods, &enrolled, nobody);
    assert_eq!(uids(&plan.enrol), ["new"]);
    assert_eq!(plan.change, []);
    assert_eq!(plan.release.keys().collect::<Vec<_>>(), ["enrolled-proxy", "labelled-out"]);
    assert_eq!(plan.node_proxies, BTreeSet::from(["enrolled-proxy".to_owned(), "proxy".to_owned()]));
    assert_eq!(plan.uncaptured, 1, "the one whose rules are not in place");
}

#[test]
fn a_pod_of_the_same_name_and_another_uid_is_another_pod() {
    let recreated = LocalPods::from([pod("second", Membership::NotEnrolled)]);
    let former = PodStatus { name: "pod-second".to_owned(), ..status("first", true) };
    assert_eq!(plan(&recreated, &[former], nobody), Plan::default());
}

#[test]
fn another_service_account_is_told_and_other_addresses_are_not() {
    let (uid, mut known) = pod("a", Membership::Enrolled);
    known.addresses = vec!["10.0.0.1".parse().unwrap()];
    let pods = LocalPods::from([(uid, known.clone())]);
    assert_eq!(plan(&pods, &[status("a", true)], nobody), Plan::default(), "the namespace itself says them");
    let before = PodStatus { service_account: "other".to_owned(), ..status("a", true) };
    assert_eq!(plan(&pods, std::slice::from_ref(&before), nobody).change, [(known, before)]);
}

#[test]
fn an_uninstallation_lets_every_pod_go_and_serves_node_proxies_to_the_end() {
    let pods = LocalPods::from([pod("a", Membership::Enrolled), pod("proxy", Membership::NodeProxy)]);
    let plan = release_all(&pods, &[status("a", true), status("unspoken-of", true)]);
    assert_eq!(plan.release.keys().collect::<Vec<_>>(), ["a", "unspoken-of"]);
    assert_eq!(plan.node_proxies, BTreeSet::from(["proxy".to_owned()]));
    assert!(plan.enrol.is_empty() && plan.uncaptured == 0);
}

#[test]
fn who_is_wanted_again_while_it_leaves_is_to_stay() {
    let (uid, known) = pod("a", Membership::Enrolled);
    let pods = LocalPods::from([(uid, known.clone()), pod("b", Membership::Enrolled)]);
    let plan = plan(&pods, &[status("a", false), status("b", true)], |uid| uid == "a");
    assert_eq!(plan.change, [(known, status("a", false))]);
    assert!(plan.release.is_empty() && plan.enrol.is_empty());
}
