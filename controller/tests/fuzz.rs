//! Parsers of what others wrote: no input makes them panic, and what they accept is what it should be. Before random input, each
//! target is given the files of its folder below `__fuzz__`.

use std::borrow::Cow;

use karez_controller::ca::RequestedKey;
use karez_controller::catalog::Version;
use karez_controller::tokens::{Presented, Tokens, bearer_token};
use rcgen::{CertificateParams, KeyPair};

fn text(input: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(input)
}

#[test]
fn tokens_file() {
    bolero::check!().for_each(|input: &[u8]| {
        let text = text(input);
        match Tokens::parse(&text) {
            Ok(tokens) => {
                // Every line that is none of nothing and comment is one caller.
                let lines = text.lines().map(str::trim);
                let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
                assert_eq!(tokens.callers().count(), lines.clone().count());
                for line in lines {
                    let token = line.split_whitespace().next().unwrap();
                    let presented = Presented::of(token);
                    assert!(tokens.caller(&presented).is_some());
                }
            }
            Err(error) => {
                assert!(error.line >= 1 && error.line <= text.lines().count());
                assert!(error.to_string().len() < 200);
            }
        }
    });
}

#[test]
fn bearer_header() {
    bolero::check!().for_each(|input: &[u8]| {
        let text = text(input);
        let tokens = Tokens::parse("secret operator").unwrap();
        let known = bearer_token(&text).is_some_and(|token| tokens.caller(&Presented::of(token)).is_some());
        assert_eq!(
            known,
            text.split_once(' ').is_some_and(|(scheme, token)| {
                scheme.eq_ignore_ascii_case("bearer") && token.trim_matches(' ') == "secret"
            })
        );
    });
}

#[test]
fn certificate_request_text() {
    bolero::check!().for_each(|input: &[u8]| {
        if let Ok(accepted) = RequestedKey::from_pem(&text(input)) {
            assert!(is_p256_point(accepted.point()));
        }
    });
}

#[test]
fn certificate_request_bytes() {
    bolero::check!().for_each(|input: &[u8]| {
        if let Ok(accepted) = RequestedKey::from_der(input) {
            assert!(is_p256_point(accepted.point()));
        }
    });
}

/// A good request with some bytes changed: whatever still passes has a valid signature, and so it is for the same key.
#[test]
fn certificate_request_with_bytes_changed() {
    let good = CertificateParams::default().serialize_request(&KeyPair::generate().unwrap()).unwrap();
    let good = good.der().to_vec();
    let key = RequestedKey::from_der(&good).unwrap().point().to_vec();
    bolero::check!().with_type::<Vec<(u16, u8)>>().for_each(|changes: &Vec<(u16, u8)>| {
        let mut request = good.clone();
        for (at, byte) in changes {
            let at = usize::from(*at) % request.len();
            request[at] = *byte;
        }
        if let Ok(accepted) = RequestedKey::from_der(&request) {
            assert_eq!(accepted.point(), key);
        }
    });
}

/// Uncompressed (SEC 1 section 2.3.3).
fn is_p256_point(point: &[u8]) -> bool {
    point.len() == 65 && point.starts_with(&[4])
}

#[test]
fn version() {
    bolero::check!().for_each(|input: &[u8]| {
        let text = text(input);
        if let Ok(version) = text.parse::<Version>() {
            assert_eq!(version.to_string(), text);
        }
    });
}
