use std::time::Duration;

use super::*;
use crate::authority::{Authority, Leaf, identity, noon};

const BROKEN: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

#[test]
fn a_bundle_is_taken_whole_or_not_at_all() {
    let root = Authority::root("root").pem();
    let mixed = format!("{root}{BROKEN}");
    let too_long = "x".repeat(pem::MAX_BYTES + 1);
    let cases: [(&[&str], &str); 8] = [
        (&[], "no PEM section"),
        (&["", &root], "no PEM section"),
        (&["no PEM at all"], "no PEM section"),
        (&["-----BEGIN CERTIFICATE-----\n"], "broken PEM"),
        (&[&root, BROKEN], "root 1 is unusable"),
        (&[&mixed], "root 1 is unusable"),
        (&[&root.repeat(MAX_CERTIFICATES + 1)], "more than"),
        (&[&too_long], "more than"),
    ];
    for (texts, wanted) in cases {
        let error = TrustBundle::from_pem("mesh", texts.iter().copied()).unwrap_err().to_string();
        assert!(error.contains(wanted) && error.contains("mesh"), "{error} for {wanted}");
    }
    let many: Vec<_> = (0..=MAX_CERTIFICATES).map(|_| root.as_str()).collect();
    assert!(matches!(TrustBundle::from_pem("mesh", many), Err(InvalidBundle::TooMany { .. })));
}

#[test]
fn roots_come_one_an_entry_or_many() {
    let (one, other) = (Authority::root("one").pem(), Authority::root("other").pem());
    let both = format!("{one}{other}");
    assert_eq!(TrustBundle::from_pem("mesh", [one.as_str(), &other]).unwrap().len(), 2);
    assert_eq!(TrustBundle::from_pem("mesh", [both.as_str()]).unwrap().len(), 2);
}

#[test]
fn still_trusts_what_is_valid_under_its_roots() {
    let root = Authority::root("root");
    let below = root.intermediate("below").intermediate("deeper");
    let leaf = Leaf::of(&identity("mesh/ns/shop/sa/cart"));
    let (direct, deep) = (root.issue(&leaf), below.issue(&leaf));
    let bundle = root.bundle("mesh");
    let other = Authority::root("root").bundle("mesh");
    let minute = Duration::from_secs(60);
    let cases = [
        ("valid", &bundle, &direct.key.cert[..], noon(), true),
        ("valid through intermediates", &bundle, &deep.key.cert, noon(), true),
        ("at its last moment", &bundle, &direct.key.cert, leaf.not_after, true),
        ("expired", &bundle, &direct.key.cert, leaf.not_after + minute, false),
        ("not valid yet", &bundle, &direct.key.cert, leaf.not_before - minute, false),
        ("under another root of the same name", &other, &direct.key.cert, noon(), false),
        ("intermediates left out", &bundle, &deep.key.cert[..1], noon(), false),
        ("no certificate", &bundle, &[], noon(), false),
        ("no certificate but bytes", &bundle, &[CertificateDer::from_slice(b"0")], noon(), false),
    ];
    for (name, bundle, chain, now, wanted) in cases {
        assert_eq!(bundle.still_trusts(chain, now), wanted, "{name}");
    }
}

#[test]
fn bundles_replace_by_trust_domain() {
    let bundle = |domain: &str, name: &str| {
        TrustBundle::from_pem(domain, [Authority::root(name).pem().as_str()]).unwrap()
    };
    let before = Bundles::default().with(bundle("one", "a"));
    let after = before.with(bundle("two", "b")).with(bundle("one", "c"));
    let found = |bundles: &Bundles, domain| bundles.find(domain).map(Arc::as_ptr);
    assert!(found(&before, "two").is_none(), "a value stays what it was");
    assert_ne!(found(&before, "one"), found(&after, "one"));
    assert!(found(&after, "two").is_some() && found(&after, "three").is_none());
}
