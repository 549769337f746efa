use proptest::prelude::*;

use super::*;

/// A Pod of the given name, in a sandbox of the given inode.
pub(crate) fn record(name: &str, inode: u64) -> Record {
    let reference = PodReference {
        uid: PodUid::new(&format!("uid-{name}")).unwrap(),
        sandbox: NamespaceId { device: 4, inode },
    };
    Record {
        pod: EnrolledPod::new(reference, "shop", name, "default", vec!["10.0.0.1".parse().unwrap()]).unwrap(),
        netns: format!("/run/netns/{name}").into(),
        openings: Openings { ipv6: true, dns: true },
        mark: PodMark::new(0xabcd_e000),
        strict: false,
        phase: Phase::Enrolled,
    }
}

proptest! {
    #[test]
    fn a_record_survives_a_restart(
        uid in "[!-~]{1,60}",
        name in "[a-z0-9][a-z0-9.-]{0,60}",
        netns in "/[a-z/\" ]{1,40}",
        addresses in prop::collection::vec(any::<IpAddr>(), 0..4),
        (device, inode, strict, leaving) in any::<(u64, u64, bool, bool)>(),
        (random, ipv6, dns) in any::<(u32, bool, bool)>(),
    ) {
        let reference = PodReference { uid: PodUid::new(&uid).unwrap(), sandbox: NamespaceId { device, inode } };
        let record = Record {
            pod: EnrolledPod::new(reference, "shop", &name, "default", addresses).unwrap(),
            netns: netns.into(),
            openings: Openings { ipv6, dns },
            mark: PodMark::new(random),
            strict,
            phase: if leaving { Phase::Leaving } else { Phase::Enrolled },
        };
        prop_assert_eq!(Record::from_json(&record.to_json().unwrap()).unwrap(), record);
    }
}

#[test]
fn what_is_no_record() {
    assert!(matches!(Record::from_json(b"{"), Err(InvalidRecord::Form(_))));
    let good = String::from_utf8(record("web", 1).to_json().unwrap()).unwrap();
    let version = good.replace("\"version\": 1", "\"version\": 2");
    assert!(matches!(Record::from_json(version.as_bytes()), Err(InvalidRecord::Version(2))));
    let name = good.replace("\"web\"", "\"../web\"");
    assert!(matches!(Record::from_json(name.as_bytes()), Err(InvalidRecord::Pod(_))));
}

#[test]
fn listeners_of_each_kind_and_family() {
    let roles = |ipv6, dns| Openings { ipv6, dns }.roles();
    assert_eq!(roles(false, false).len(), 3);
    assert_eq!(roles(false, true).len(), 5);
    assert_eq!(roles(true, true).len(), 10);
    let hbone = Role { kind: Listening::Hbone, family: Family::V6 };
    assert_eq!(roles(true, false).iter().filter(|role| **role == hbone).count(), 1);
}
