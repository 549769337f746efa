use proptest::prelude::*;

use super::*;

/// A Pod of the given name, in a sandbox with the given inode.
pub(crate) fn pod(name: &str, inode: u64) -> EnrolledPod {
    let reference = reference(name, inode);
    EnrolledPod::new(reference, "shop", name, "default", vec!["10.0.0.1".parse().unwrap()]).unwrap()
}

pub(crate) fn reference(name: &str, inode: u64) -> PodReference {
    let uid = PodUid::new(&format!("uid-{name}")).unwrap();
    PodReference { uid, sandbox: NamespaceId { device: 4, inode } }
}

pub(crate) fn any_reference() -> impl Strategy<Value = PodReference> {
    ("[!-~]{1,253}", any::<u64>(), any::<u64>()).prop_map(|(uid, device, inode)| PodReference {
        uid: PodUid::new(&uid).unwrap(),
        sandbox: NamespaceId { device, inode },
    })
}

pub(crate) fn any_pod() -> impl Strategy<Value = EnrolledPod> {
    let name = || "[a-zA-Z0-9][a-zA-Z0-9.-]{0,252}";
    let addresses = prop::collection::vec(any::<IpAddr>(), 0..=MOST_ADDRESSES);
    (any_reference(), name(), name(), name(), addresses).prop_map(
        |(reference, namespace, name, account, addresses)| {
            EnrolledPod::new(reference, &namespace, &name, &account, addresses).unwrap()
        },
    )
}

proptest! {
    #[test]
    fn a_pod_survives_the_wire(pod in any_pod()) {
        prop_assert_eq!(EnrolledPod::try_from(wire::Pod::from(&pod)), Ok(pod));
    }
}

#[test]
fn what_is_no_uid() {
    for uid in ["", "a b", "a\nb", "ü", &"x".repeat(254)] {
        assert!(matches!(PodUid::new(uid), Err(InvalidPod::Uid(_))), "{uid:?}");
    }
    assert_eq!(PodUid::new("shop/web").unwrap().as_str(), "shop/web");
}

#[test]
fn what_is_no_name() {
    for name in ["", "a/b", "..", ".hidden", "-a", "a_b", "a b", &"x".repeat(254)] {
        let pod = EnrolledPod::new(reference("web", 1), "shop", name, "default", Vec::new());
        assert!(matches!(pod, Err(InvalidPod::Name { what: "name", .. })), "{name:?}: {pod:?}");
    }
}

#[test]
fn the_same_addresses_are_equal_however_they_are_written() {
    let with = |addresses: &[&str]| {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        EnrolledPod::new(reference("web", 1), "shop", "web", "default", addresses).unwrap()
    };
    let pod = with(&["10.0.0.1", "10.0.0.2", "fd00::1"]);
    for addresses in [
        ["fd00::1", "10.0.0.2", "10.0.0.1", "10.0.0.2"],
        ["10.0.0.2", "::ffff:10.0.0.1", "10.0.0.1", "fd00:0::1"],
    ] {
        assert_eq!(with(&addresses), pod, "{addresses:?}");
    }
    assert_ne!(with(&["10.0.0.1", "10.0.0.2"]), pod);
}

#[test]
fn addresses_of_odd_lengths_are_refused() {
    for length in [0, 3, 5, 15, 17] {
        let mut wire = wire::Pod::from(&pod("web", 1));
        wire.addresses.push(vec![0; length]);
        assert_eq!(EnrolledPod::try_from(wire), Err(InvalidPod::Address(length)));
    }
}

#[test]
fn more_addresses_than_allowed_are_refused() {
    let mut wire = wire::Pod::from(&pod("web", 1));
    wire.addresses = vec![vec![0; 4]; MOST_ADDRESSES + 1];
    assert_eq!(EnrolledPod::try_from(wire), Err(InvalidPod::Addresses(MOST_ADDRESSES + 1)));
}

#[test]
fn a_pod_without_a_reference_is_refused() {
    let mut wire = wire::Pod::from(&pod("web", 1));
    wire.reference = None;
    assert_eq!(EnrolledPod::try_from(wire), Err(InvalidPod::Missing("reference")));
}
