//! The values that policies compare with.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use karez_api::identity::Identity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::problem::shortened;
use crate::syntax;

// What the API server checks; the `FromStr` below decide.
const PATTERN: &str = r"^(\*|[^*]+\*?|\*[^*]+)$";
const PORT: &str = "^[0-9]+$";
const SERVICE_ACCOUNT: &str = "^([-a-z0-9]+/)?[-.a-z0-9]+$";

/// A text in one of Istio's forms: `exact`, `prefix*`, `*suffix`, or `*` for any that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = PATTERN))]
pub enum Pattern {
    /// The text itself.
    Exact(String),
    /// Texts that begin so.
    Prefix(String),
    /// Texts that end so.
    Suffix(String),
    /// Any text that is not empty.
    Present,
}

/// An identity without its scheme, `TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT`, or a pattern of such. The scheme may be
/// written, and is dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = PATTERN))]
pub struct Principal(Pattern);

/// A TCP port; written as a text, as Istio has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = PORT))]
pub struct Port(NonZeroU16);

/// `NAMESPACE/NAME`, or `NAME` of the policy's own namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = SERVICE_ACCOUNT))]
pub struct ServiceAccountRef {
    /// Absent: the policy's own.
    pub namespace: Option<String>,
    /// The service account.
    pub name: String,
}

impl Principal {
    /// What an identity without its scheme is compared with.
    #[must_use]
    pub fn pattern(&self) -> &Pattern {
        &self.0
    }
}

impl Port {
    /// Its number.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0.get()
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pattern = match (text.strip_suffix('*'), text.strip_prefix('*')) {
            _ if text == "*" => Self::Present,
            (Some(prefix), _) => Self::Prefix(prefix.to_owned()),
            (None, Some(suffix)) => Self::Suffix(suffix.to_owned()),
            (None, None) => Self::Exact(text.to_owned()),
        };
        match &pattern {
            Self::Exact(part) | Self::Prefix(part) | Self::Suffix(part)
                if part.is_empty() || part.contains('*') =>
            {
                Err(format!("{:?} is not one of: TEXT, PREFIX*, *SUFFIX, *", shortened(text)))
            }
            _ => Ok(pattern),
        }
    }
}

impl FromStr for Principal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SCHEME: &str = "spiffe://";
        let pattern = text.strip_prefix(SCHEME).unwrap_or(text).parse()?;
        match &pattern {
            // No peer has an identity of another form: in a Deny policy it would close nothing.
            Pattern::Exact(exact) if format!("{SCHEME}{exact}").parse::<Identity>().is_err() => Err(format!(
                "{:?} is not a principal: TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT, or a pattern with `*` at an end",
                shortened(text)
            )),
            _ => Ok(Self(pattern)),
        }
    }
}

impl FromStr for Port {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // `parse` would take a leading `+`.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let port = digits.then(|| text.parse().ok()).flatten();
        port.map(Self).ok_or_else(|| format!("{:?} is not a port: \"1\" to \"65535\"", shortened(text)))
    }
}

impl FromStr for ServiceAccountRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, text),
        };
        let good = namespace.is_none_or(|namespace| syntax::label(namespace).is_ok())
            && syntax::subdomain(name).is_ok();
        if !good {
            return Err(format!("{:?} is not a service account: NAMESPACE/NAME or NAME", shortened(text)));
        }
        Ok(Self { namespace: namespace.map(str::to_owned), name: name.to_owned() })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(text) => f.write_str(text),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
            Self::Suffix(suffix) => write!(f, "*{suffix}"),
            Self::Present => f.write_str("*"),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ServiceAccountRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

macro_rules! written_as_text {
    ($($name:ident),+) => {$(
        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )+};
}

written_as_text!(Pattern, Principal, Port, ServiceAccountRef);
