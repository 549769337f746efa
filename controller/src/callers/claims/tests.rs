use serde_json::{Value, json};

use super::*;

const NODE: &str = "system:serviceaccount:karez-system:karez-node";
const NOW: u64 = 1_000_000;

/// A token with these claims and a signature that is none.
pub(in crate::callers) fn token(claims: &Value, signature: &str) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", encode(r#"{"alg":"RS256"}"#), encode(&claims.to_string()), encode(signature))
}

#[test]
fn only_a_live_token_of_an_own_account_for_this_audience_is_asked_about() {
    let expired = Implausible::Expired;
    let other = || Implausible::OtherAccount { namespace: "karez-system".to_owned() };
    let cases = [
        (json!({"aud": ["karez"], "sub": NODE, "exp": NOW + 1}), Ok(())),
        (json!({"aud": "karez", "sub": NODE, "exp": NOW + 1}), Ok(())),
        (json!({"aud": ["api", "karez"], "sub": NODE, "exp": NOW - CLOCK_SKEW_S + 1}), Ok(())),
        (json!({"aud": ["karez"], "sub": NODE, "exp": NOW - CLOCK_SKEW_S}), Err(expired)),
        (json!({"aud": ["api"], "sub": NODE, "exp": NOW + 1}), Err(Implausible::OtherAudience)),
        (json!({"aud": [], "sub": NODE, "exp": NOW + 1}), Err(Implausible::OtherAudience)),
        (
            json!({"aud": ["karez"], "sub": "system:serviceaccount:shop:karez-node", "exp": NOW + 1}),
            Err(other()),
        ),
        (
            json!({"aud": ["karez"], "sub": "system:serviceaccount:karez-system:default", "exp": NOW + 1}),
            Err(other()),
        ),
        (json!({"aud": ["karez"], "sub": NODE}), Err(Implausible::NoToken)),
        (json!({"aud": ["karez"], "exp": NOW + 1}), Err(Implausible::NoToken)),
        (json!([]), Err(Implausible::NoToken)),
    ];
    for (claims, expected) in cases {
        assert_eq!(check(&token(&claims, "s"), "karez-system", NOW), expected, "{claims}");
    }
}

#[test]
fn what_is_no_token_is_not_asked_about() {
    let good = token(&json!({"aud": ["karez"], "sub": NODE, "exp": NOW + 1}), "s");
    let cut = good.rsplit_once('.').map(|(cut, _)| cut.to_owned()).unwrap();
    for junk in ["", "junk", "a.b.c", "..", &cut, &format!("{good}.x")] {
        assert_eq!(check(junk, "karez-system", NOW), Err(Implausible::NoToken), "{junk}");
    }
}
