use super::*;

fn pod(name: &str, uid: &str, inode: u64) -> EnrolledPod {
    let sandbox = NamespaceId { device: 4, inode };
    let reference = PodReference { uid: PodUid::new(uid).unwrap(), sandbox };
    EnrolledPod::new(reference, "shop", name, "default", Vec::new()).unwrap()
}

/// With `web` enrolled as `u1` in namespace 1.
#[test]
fn who_may_come_beside_another() {
    let cases = [
        ("another Pod", pod("api", "u2", 2), "admitted"),
        ("the same again", pod("web", "u1", 1), "admitted"),
        ("its sandbox was recreated", pod("web", "u1", 2), "admitted"),
        ("the Pod was recreated", pod("web", "u2", 2), "admitted"),
        ("another uid in its sandbox", pod("web", "u2", 1), "sandbox"),
        ("another Pod in its sandbox", pod("api", "u2", 1), "sandbox"),
        ("its uid under another name", pod("api", "u1", 2), "uid"),
        ("both under another name", pod("api", "u1", 1), "sandbox"),
    ];
    for (case, candidate, expected) in cases {
        let mut registry = Registry::default();
        let _web = registry.admit(&pod("web", "u1", 1)).unwrap();
        let found = match registry.admit(&candidate) {
            Ok(_) => "admitted",
            Err(Conflict::Sandbox { .. }) => "sandbox",
            Err(Conflict::Uid { .. }) => "uid",
        };
        assert_eq!(found, expected, "{case}");
    }
}

#[test]
fn what_a_pod_leaves_is_free_once_it_has_left() {
    let mut registry = Registry::default();
    let old = registry.admit(&pod("web", "u1", 1)).unwrap();
    let new = registry.admit(&pod("web", "u2", 2)).unwrap();
    let conflict = registry.admit(&pod("api", "u3", 1));
    assert!(matches!(conflict, Err(Conflict::Sandbox { .. })), "it is still leaving: {conflict:?}");
    drop(old);
    let _api = registry.admit(&pod("api", "u3", 1)).unwrap();
    registry.admit(&pod("other", "u2", 2)).unwrap_err();
    drop(new);
    let _other = registry.admit(&pod("other", "u2", 2)).unwrap();
    assert_eq!(registry.pods.len(), 2);
}

#[test]
fn a_conflict_names_the_pod_that_is_in_the_way() {
    let mut registry = Registry::default();
    let _web = registry.admit(&pod("web", "u1", 1)).unwrap();
    let conflict = registry.admit(&pod("api", "u2", 1)).unwrap_err().to_string();
    assert!(conflict.contains("shop/web") && conflict.contains("u1"), "{conflict}");
}
