use proptest::prelude::*;

use super::*;
use crate::fixture::{bytes, ip};

#[test]
fn addresses_of_both_families() {
    assert_eq!(address("a", &[10, 0, 0, 1]), Ok(ip("10.0.0.1")));
    assert_eq!(address("a", &bytes("fd00::1")), Ok(ip("fd00::1")));
    assert_eq!(address("a", &bytes("::ffff:10.0.0.1")), Ok(ip("10.0.0.1")), "IPv4-mapped");
    for length in [0, 3, 5, 15, 17] {
        let reason = Reason::AddressLength { field: "a", bytes: length };
        assert_eq!(address("a", &vec![1; length]), Err(reason));
    }
}

#[test]
fn prefixes() {
    let table = [
        ("10.1.2.3", 8, Some("10.0.0.0/8")),
        ("10.1.2.3", 0, Some("0.0.0.0/0")),
        ("10.1.2.3", 32, Some("10.1.2.3/32")),
        ("10.1.2.3", 33, None),
        ("fd00::1", 128, Some("fd00::1/128")),
        ("fd00::1", 129, None),
        ("fd00::1", 256, None),
        ("::ffff:10.1.2.3", 104, Some("10.0.0.0/8")),
        ("::ffff:10.1.2.3", 96, Some("0.0.0.0/0")),
        ("::ffff:10.1.2.3", 80, Some("::/80")),
        ("::ffff:10.1.2.3", 0, Some("::/0")),
        ("::ffff:10.1.2.3", 129, None),
    ];
    for (address, length, expected) in table {
        let read = prefix("p", &bytes(address), length);
        assert_eq!(
            read.as_ref().ok(),
            expected.map(|net| net.parse().unwrap()).as_ref(),
            "{address}/{length}"
        );
    }
}

#[test]
fn ports() {
    assert_eq!(port("p", 65_535), Ok(65_535));
    assert_eq!(port("p", 0), Err(Reason::Port { field: "p", value: 0 }));
    assert_eq!(port("p", 65_536), Err(Reason::Port { field: "p", value: 65_536 }));
    assert_eq!(port_or_none("p", 0), Ok(None));
    assert_eq!(port_or_none("p", 65_536), Err(Reason::Port { field: "p", value: 65_536 }));
}

#[test]
fn an_error_names_object_and_field() {
    let reason = Reason::Port { field: "ports", value: 70_000 };
    let rejected = Rejected { name: "shop/reviews".to_owned(), reason };
    assert_eq!(rejected.to_string(), "shop/reviews: ports holds 70000, which is not a port");
}

proptest! {
    /// A prefix contains the address it was parsed with.
    #[test]
    fn a_prefix_holds_its_address(
        bytes in prop_oneof![proptest::collection::vec(any::<u8>(), 4), proptest::collection::vec(any::<u8>(), 16)],
        length in 0..129_u32,
    ) {
        if let Ok(net) = prefix("p", &bytes, length) {
            prop_assert!(net.contains(&address("p", &bytes).unwrap()));
        }
    }
}
