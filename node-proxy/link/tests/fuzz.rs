//! Parsers of what comes from the network, under arbitrary bytes. Before random input, a target is given the files of its folder below
//! `__fuzz__`, if it has one.

use std::time::UNIX_EPOCH;

use karez_link::TrustBundle;
use karez_link::tls::{peer, peer_identity};
use rustls::pki_types::CertificateDer;

/// A good certificate, mended by nobody: the seeds that arbitrary edits begin from.
fn certificate() -> Result<rcgen::Certificate, rcgen::Error> {
    let key = rcgen::KeyPair::generate()?;
    let mut params = rcgen::CertificateParams::default();
    params.subject_alt_names = vec![rcgen::SanType::URI("spiffe://mesh/ns/shop/sa/cart".try_into()?)];
    params.self_signed(&key)
}

/// `bytes` with each edit (position, value) made, positions taken modulo the length.
fn edited(mut bytes: Vec<u8>, edits: &[(usize, u8)]) -> Vec<u8> {
    for (position, value) in edits {
        let length = bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(position % length) {
            *byte = *value;
        }
    }
    bytes
}

fn read(der: &[u8]) {
    let der = CertificateDer::from(der);
    let found = peer(std::slice::from_ref(&der));
    assert_eq!(found.map(|peer| peer.identity), peer_identity(&der));
}

#[test]
fn arbitrary_bytes_as_a_certificate() {
    bolero::check!().for_each(read);
}

#[test]
fn arbitrary_bytes_as_a_bundle() {
    bolero::check!().for_each(|bytes: &[u8]| {
        if let Ok(bundle) = TrustBundle::from_pem("mesh", [String::from_utf8_lossy(bytes).as_ref()]) {
            assert!(!bundle.is_empty());
        }
    });
}

#[test]
fn a_certificate_with_bytes_changed() {
    let good = certificate().unwrap().der().to_vec();
    read(&good);
    bolero::check!().with_type::<Vec<(usize, u8)>>().for_each(|edits| read(&edited(good.clone(), edits)));
}

#[test]
fn a_bundle_with_bytes_changed() {
    let certificate = certificate().unwrap();
    let good = certificate.pem().into_bytes();
    bolero::check!().with_type::<Vec<(usize, u8)>>().for_each(|edits| {
        let text = String::from_utf8_lossy(&edited(good.clone(), edits)).into_owned();
        if let Ok(bundle) = TrustBundle::from_pem("mesh", [text.as_str()]) {
            assert!(!bundle.is_empty());
            assert!(
                !bundle.still_trusts(&[certificate.der().clone()], UNIX_EPOCH),
                "long before it was made"
            );
        }
    });
}
