use std::net::Ipv4Addr;

use rcgen::KeyPair;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

fn root() -> Root {
    Root::generate(now(), 10 * HOUR).unwrap()
}

fn requested_key() -> RequestedKey {
    let key = KeyPair::generate().unwrap();
    RequestedKey::from_der(CertificateParams::default().serialize_request(&key).unwrap().der()).unwrap()
}

fn workload(root: &Root, lifetime: Duration) -> Leaf {
    let identity = Identity::new("cluster.local", "shop", "web").unwrap();
    Leaf::workload(root, &requested_key(), &identity, now(), lifetime).unwrap()
}

#[test]
fn a_workload_is_named_by_one_uri_and_nothing_else() {
    let root = root();
    let leaf = workload(&root, HOUR);
    let (_, certificate) = X509Certificate::from_der(&leaf.der).unwrap();
    let names = certificate.subject_alternative_name().unwrap().unwrap();
    assert!(names.critical, "RFC 5280 §4.2.1.6: an empty subject makes it critical");
    assert_eq!(names.value.general_names, [GeneralName::URI("spiffe://cluster.local/ns/shop/sa/web")]);
    assert_eq!(certificate.subject().iter().count(), 0);
    assert!(!certificate.is_ca());
    let usage = certificate.key_usage().unwrap().unwrap().value;
    assert!(usage.digital_signature() && !usage.key_cert_sign());
    let usage = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.server_auth && usage.client_auth && !usage.any);
    let (_, issuer) = X509Certificate::from_der(root.certificate().der()).unwrap();
    certificate.verify_signature(Some(issuer.public_key())).unwrap();
    assert_eq!(certificate.issuer(), issuer.subject());
}

#[test]
fn it_begins_a_little_in_the_past_and_ends_after_its_lifetime() {
    // Seconds of its life, and seconds before the present.
    for (life, back) in [(3600, 60), (600, 60), (599, 59), (40, 4), (10, 1), (9, 0), (1, 0)] {
        let leaf = workload(&root(), Duration::from_secs(life));
        assert_eq!(leaf.not_after, now().after(Duration::from_secs(life)));
        let (_, certificate) = X509Certificate::from_der(&leaf.der).unwrap();
        let validity = certificate.validity();
        assert_eq!(
            validity.not_before.timestamp(),
            now().before(Duration::from_secs(back)).seconds(),
            "{life}"
        );
        assert_eq!(validity.not_after.timestamp(), leaf.not_after.seconds());
        // Whoever renews at half of that has at least two fifths of the life.
        let halfway = i64::midpoint(validity.not_before.timestamp(), validity.not_after.timestamp());
        assert!(halfway - now().seconds() >= i64::try_from(life).unwrap() * 2 / 5, "{life}");
    }
}

#[test]
fn nothing_outlives_its_root() {
    let root = root();
    assert_eq!(workload(&root, 1000 * HOUR).not_after, root.certificate().not_after());
    assert_eq!(workload(&root, Duration::MAX).not_after, root.certificate().not_after());
}

#[test]
fn serials_differ_even_for_one_key() {
    let root = root();
    let key = requested_key();
    let identity = Identity::new("cluster.local", "shop", "web").unwrap();
    let serial = || {
        let leaf = Leaf::workload(&root, &key, &identity, now(), HOUR).unwrap();
        let (_, certificate) = X509Certificate::from_der(&leaf.der).unwrap();
        certificate.raw_serial().to_vec()
    };
    assert_ne!(serial(), serial());
}

#[test]
fn the_controller_is_named_by_hosts_and_addresses_and_by_no_identity() {
    let names = Names {
        hosts: BTreeSet::from(["localhost".to_owned()]),
        addresses: BTreeSet::from([Ipv4Addr::LOCALHOST.into()]),
    };
    let leaf = Leaf::server(&root(), &KeyPair::generate().unwrap(), &names, now(), HOUR).unwrap();
    let (_, certificate) = X509Certificate::from_der(&leaf.der).unwrap();
    let found = certificate.subject_alternative_name().unwrap().unwrap();
    assert_eq!(
        found.value.general_names,
        [GeneralName::DNSName("localhost"), GeneralName::IPAddress(&[127, 0, 0, 1])]
    );
    let usage = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.server_auth && !usage.client_auth);
}
