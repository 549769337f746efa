use karez_handover::pod::{NamespaceId, PodReference, PodUid};

use super::*;

fn pod(service_account: &str, addresses: &[&str]) -> EnrolledPod {
    let sandbox = NamespaceId { device: 4, inode: 10 };
    let reference = PodReference { uid: PodUid::new("uid-web").unwrap(), sandbox };
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    EnrolledPod::new(reference, "shop", "web", service_account, addresses).unwrap()
}

#[test]
fn what_changes_and_what_it_takes() {
    let before = pod("web", &["10.0.0.9", "fd00::9"]);
    let account = "its service account was web and is api: it gets a new identity, and what it had open under the old one \
                   is reset";
    let addresses =
        "its addresses were 10.0.0.9, fd00::9 and are 10.0.0.8: what it had open under the old ones is reset";
    let cases = [
        (pod("web", &["10.0.0.9", "fd00::9"]), vec![]),
        (pod("web", &["fd00::9", "10.0.0.9", "10.0.0.9"]), vec![]),
        (pod("api", &["10.0.0.9", "fd00::9"]), vec![account]),
        (pod("web", &["10.0.0.8"]), vec![addresses]),
        (pod("api", &["10.0.0.8"]), vec![account, addresses]),
    ];
    for (now, expected) in cases {
        let said: Vec<_> = changes(&before, &now).iter().map(Change::to_string).collect();
        assert_eq!(said, expected, "{now:?}");
    }
}
