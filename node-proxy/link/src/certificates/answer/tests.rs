use std::time::Duration;

use rcgen::ExtendedKeyUsagePurpose;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY};
use x509_parser::prelude::FromDer;

use super::*;
use crate::authority::{Authority, Leaf, identity, noon};

fn cart() -> Identity {
    identity("mesh/ns/shop/sa/cart")
}

#[test]
fn a_request_is_a_p256_key_and_one_spiffe_name() {
    let (_, csr) = request(&cart()).unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(csr.as_bytes()).unwrap();
    let (_, csr) = X509CertificationRequest::from_der(&pem.contents).unwrap();
    assert_eq!(csr.certification_request_info.subject.iter().count(), 0);
    let key = &csr.certification_request_info.subject_pki.algorithm;
    assert_eq!(key.algorithm, OID_KEY_TYPE_EC_PUBLIC_KEY);
    assert_eq!(key.parameters.as_ref().unwrap().as_oid().unwrap(), OID_EC_P256);
    let names: Vec<_> = csr
        .requested_extensions()
        .unwrap()
        .filter_map(|extension| match extension {
            x509_parser::extensions::ParsedExtension::SubjectAlternativeName(san) => Some(&san.general_names),
            _ => None,
        })
        .flatten()
        .collect();
    assert!(matches!(
        names[..],
        [x509_parser::extensions::GeneralName::URI("spiffe://mesh/ns/shop/sa/cart")]
    ));
}

#[test]
fn no_two_requests_share_a_key() {
    let ((one, _), (other, _)) = (request(&cart()).unwrap(), request(&cart()).unwrap());
    assert_ne!(one.serialize_der(), other.serialize_der());
}

#[test]
fn a_good_answer_is_taken() {
    let (root, leaf) = (Authority::root("root"), Leaf::of(&cart()));
    let (key, csr) = request(&cart()).unwrap();
    let direct = root.sign(&csr, &leaf);
    let below = root.intermediate("below");
    let deep = vec![below.sign_key(&key, &leaf), below.pem(), root.pem()];
    let in_one_entry = vec![format!("{}{}", deep[0], deep[1]), root.pem()];
    for (entries, length) in [(direct, 1), (deep, 2), (in_one_entry, 2)] {
        let Answer { issued, roots } = read(&cart(), &key, &entries).unwrap();
        assert_eq!(issued.identity, cart());
        assert_eq!((issued.not_before, issued.not_after), (leaf.not_before, leaf.not_after));
        assert_eq!(issued.key.cert.len(), length);
        assert_eq!(roots.trust_domain(), "mesh");
        verify(&issued, &roots, noon()).unwrap();
    }
}

#[test]
fn bad_answers_are_told_apart() {
    let (root, leaf) = (Authority::root("root"), Leaf::of(&cart()));
    let (key, csr) = request(&cart()).unwrap();
    let (other_key, _) = request(&cart()).unwrap();
    let good = root.sign(&csr, &leaf);
    let (certificate, roots) = (good[0].clone(), good[1].clone());
    let someone = root.sign(&csr, &Leaf::of(&identity("mesh/ns/shop/sa/web")))[0].clone();
    let stranger = root.sign_key(&other_key, &leaf);
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned();
    let cases = [
        (vec![], "0 entries"),
        (vec![certificate.clone()], "1 entries"),
        (vec![certificate.clone(); MAX_ENTRIES + 1], "17 entries"),
        (vec!["no PEM".to_owned(), roots.clone()], "entry 0: no PEM section"),
        (vec![certificate.clone(), String::new(), roots.clone()], "entry 1: no PEM section"),
        (vec![broken.clone(), roots.clone()], "the leaf cannot be read"),
        (
            vec![someone, roots.clone()],
            "for Some(spiffe://mesh/ns/shop/sa/web), not for spiffe://mesh/ns/shop/sa/cart",
        ),
        (vec![roots.clone(), roots.clone()], "for None"),
        (vec![stranger, roots.clone()], "does not go with the key"),
        (vec![certificate.clone(), broken], "root 0 is unusable"),
        (vec![certificate, "no PEM".to_owned()], "trust bundle of mesh: no PEM section"),
    ];
    for (entries, wanted) in cases {
        let error = read(&cart(), &key, &entries).err().expect(wanted).to_string();
        assert!(error.contains(wanted), "{error} for {wanted}");
    }
}

#[test]
fn a_leaf_that_peers_would_refuse_is_not_taken() {
    let (root, leaf) = (Authority::root("root"), Leaf::of(&cart()));
    let second = Duration::from_secs(1);
    let only = |usage| root.issue(&Leaf { usages: vec![usage], ..Leaf::of(&cart()) });
    let (for_clients, for_servers) =
        (only(ExtendedKeyUsagePurpose::ClientAuth), only(ExtendedKeyUsagePurpose::ServerAuth));
    let (good, bundle) = (root.issue(&leaf), root.bundle("mesh"));
    let stranger = Authority::root("another").bundle("mesh");
    for (issued, bundle, now, words) in [
        (&good, &bundle, leaf.not_after + second, "expired"),
        (&good, &bundle, leaf.not_before - second, "not valid yet"),
        (&good, &stranger, noon(), "UnknownIssuer"),
        (&for_clients, &bundle, noon(), "server authentication"),
        (&for_servers, &bundle, noon(), "client authentication"),
    ] {
        let error = verify(issued, bundle, now).unwrap_err().to_string();
        assert!(error.contains("of mesh") && error.contains(words), "{error} for {words}");
    }
    verify(&good, &bundle, noon()).unwrap();
}
