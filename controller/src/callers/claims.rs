//! What a token says of itself, before the API server is asked. Pure.
//!
//! Nothing here is trusted: any process can write such a token. It spares the API server the tokens that it cannot vouch for.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use karez_api::names::TOKEN_AUDIENCE;
use serde::Deserialize;

use super::review;

/// Clocks differ: the API server's word counts, and not this controller's clock.
const CLOCK_SKEW_S: u64 = 60;

/// Why the API server need not be asked about a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Implausible {
    /// Not three parts of base64 with claims in the second.
    #[error("the token is no token of a service account")]
    NoToken,
    /// It is for another program.
    #[error("the token is not for the audience {TOKEN_AUDIENCE}")]
    OtherAudience,
    /// Its account has nothing to do here.
    #[error("the token is of none of the accounts karez-node, karez-agent and karez-operator of {namespace}")]
    OtherAccount {
        /// The controller's namespace.
        namespace: String,
    },
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
}

/// The claims of a service account's token that are looked at.
#[derive(Debug, Deserialize)]
struct Claims {
    aud: Audience,
    sub: String,
    exp: u64,
}

/// One, or several (RFC 7519 §4.1.3).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Whether the token says of itself that an account of the mesh in `namespace` may call with it, at `now` in seconds since 1970.
///
/// # Errors
/// When it says something else.
pub(super) fn check(token: &str, namespace: &str, now: u64) -> Result<(), Implausible> {
    let claims = claims(token).ok_or(Implausible::NoToken)?;
    if !claims.aud.has(TOKEN_AUDIENCE) {
        return Err(Implausible::OtherAudience);
    }
    if review::account(&claims.sub, namespace).is_none() {
        return Err(Implausible::OtherAccount { namespace: namespace.to_owned() });
    }
    match claims.exp.saturating_add(CLOCK_SKEW_S) > now {
        true => Ok(()),
        false => Err(Implausible::Expired),
    }
}

fn claims(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (_header, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

impl Audience {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Several(several) => several.iter().any(|it| it == name),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
