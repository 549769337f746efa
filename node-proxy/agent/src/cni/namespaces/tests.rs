use karez_link::discovery::LocalPod;

use super::*;

fn pod(uid: &str, namespace: &str, membership: Membership) -> (String, LocalPod) {
    let pod = LocalPod {
        uid: uid.to_owned(),
        namespace: namespace.to_owned(),
        name: uid.to_owned(),
        service_account: "default".to_owned(),
        addresses: Vec::new(),
        membership,
    };
    (uid.to_owned(), pod)
}

fn set(namespaces: &[&str]) -> BTreeSet<String> {
    namespaces.iter().map(ToString::to_string).collect()
}

#[test]
fn namespaces_are_known_by_their_pods_and_remembered_without() {
    let pods = LocalPods::from([
        pod("1", "shop", Membership::Enrolled),
        pod("2", "shop", Membership::NotEnrolled),
        pod("3", "left", Membership::NotEnrolled),
        pod("4", "other", Membership::NotEnrolled),
        pod("5", "karez-system", Membership::NodeProxy),
    ]);
    assert_eq!(enrolled(&set(&["left", "empty"]), &pods), set(&["empty", "shop"]));
    assert_eq!(enrolled(&set(&["empty"]), &LocalPods::new()), set(&["empty"]));
}
