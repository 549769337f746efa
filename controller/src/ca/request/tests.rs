use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

use super::*;

fn request(key: &KeyPair) -> String {
    CertificateParams::new(["example.com".to_owned()]).unwrap().serialize_request(key).unwrap().pem().unwrap()
}

#[test]
fn the_key_is_taken_and_the_names_are_not() {
    let key = KeyPair::generate().unwrap();
    let requested = RequestedKey::from_pem(&request(&key)).unwrap();
    assert_eq!(requested.point(), key.der_bytes());
}

#[test]
fn other_keys_are_refused() {
    for algorithm in [&PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        assert_eq!(RequestedKey::from_pem(&request(&key)).unwrap_err(), BadRequest::OtherKey);
    }
}

#[test]
fn a_request_that_another_key_signed_is_refused() {
    let key = KeyPair::generate().unwrap();
    let der = CertificateParams::default().serialize_request(&key).unwrap().der().to_vec();
    let mut forged = der.clone();
    // The signature is the last field.
    *forged.last_mut().unwrap() ^= 1;
    assert!(RequestedKey::from_der(&der).is_ok());
    assert_eq!(RequestedKey::from_der(&forged).unwrap_err(), BadRequest::Signature);
}

#[test]
fn what_is_no_request_is_refused() {
    let certificate = rcgen::generate_simple_self_signed(vec!["a".to_owned()]).unwrap().cert.pem();
    let trailing = {
        let mut der = CertificateParams::default()
            .serialize_request(&KeyPair::generate().unwrap())
            .unwrap()
            .der()
            .to_vec();
        der.push(0);
        der
    };
    for text in ["", "-----BEGIN CERTIFICATE REQUEST-----\n", &certificate] {
        assert_eq!(RequestedKey::from_pem(text).unwrap_err(), BadRequest::Unreadable, "{text:.30}");
    }
    assert_eq!(RequestedKey::from_der(&trailing).unwrap_err(), BadRequest::Unreadable);
    assert_eq!(RequestedKey::from_pem(&"x".repeat(MAX_SIZE + 1)).unwrap_err(), BadRequest::TooLong);
}
