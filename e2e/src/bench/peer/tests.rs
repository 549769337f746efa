use std::path::Path;

use super::{Peer, ensure_distinct};

fn refusal(text: &str) -> String {
    format!("{:#}", text.parse::<Peer>().unwrap_err())
}

#[test]
fn a_name_and_a_program_make_a_peer() {
    let peer: Peer = "other-2=/bin/sh".parse().unwrap();
    assert_eq!(peer.name, "other-2");
    assert_eq!(peer.program, Path::new("/bin/sh").canonicalize().unwrap());
}

#[test]
fn names_are_short_labels_that_nobody_has() {
    for name in ["", "-a", "a-", "A", "a/b", "a_b", "a b", "..", "é", "123456789012345678901"] {
        assert!(refusal(&format!("{name}=/bin/sh")).contains("is no name for a peer"), "{name}");
    }
    for name in ["direct", "haproxy", "karez"] {
        assert!(refusal(&format!("{name}=/bin/sh")).contains("measured anyway"), "{name}");
    }
    assert_eq!(refusal("/bin/sh"), "expected NAME=PATH");
}

#[test]
fn a_program_can_be_run() {
    assert!(refusal("other=/dev/null/none").starts_with("/dev/null/none: "));
    for path in ["/", "/dev/null", "/proc/self/stat"] {
        assert!(refusal(&format!("other={path}")).ends_with("is not an executable file"), "{path}");
    }
}

#[test]
fn no_two_have_one_name() {
    let [first, second]: [Peer; 2] = ["one=/bin/sh", "two=/bin/sh"].map(|text| text.parse().unwrap());
    ensure_distinct(&[first.clone(), second.clone()]).unwrap();
    let error = ensure_distinct(&[first.clone(), second, first]).unwrap_err().to_string();
    assert!(error.contains("two peers are named one"), "{error}");
}
