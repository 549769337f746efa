//! `when`: further conditions, each a key and its values.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::value::{Pattern, Port, Principal, ServiceAccountRef};
use crate::given;
use crate::ip_block::IpBlock;
use crate::problem::shortened;

/// One condition; its values have the form that its key asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
#[schemars(with = "Written")]
pub struct Condition {
    written: Written,
    test: Test,
}

/// What a condition compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// `source.ip`
    SourceIp(Values<IpBlock>),
    /// `source.namespace`
    SourceNamespace(Values<Pattern>),
    /// `source.principal`
    SourcePrincipal(Values<Principal>),
    /// `source.serviceAccount`
    SourceServiceAccount(Values<ServiceAccountRef>),
    /// `destination.ip`
    DestinationIp(Values<IpBlock>),
    /// `destination.port`
    DestinationPort(Values<Port>),
    /// Any of Istio's keys that only a waypoint can check.
    Layer7,
}

/// Any of `values` must match, if there are any, and none of `not_values`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values<T> {
    /// `values`
    pub values: Vec<T>,
    /// `notValues`
    pub not_values: Vec<T>,
}

/// As it stands in the manifest: a key, and values or `notValues` or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = given::lists_in_schema, extend("minProperties" = 2))]
struct Written {
    key: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    values: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "given::list")]
    not_values: Vec<String>,
}

impl Condition {
    /// The key, as written.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.written.key
    }

    /// What it compares.
    #[must_use]
    pub fn test(&self) -> &Test {
        &self.test
    }
}

impl TryFrom<Written> for Condition {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        if written.values.is_empty() && written.not_values.is_empty() {
            return Err("a condition needs values or notValues".to_owned());
        }
        let test = match written.key.as_str() {
            "source.ip" => Test::SourceIp(Values::parse(&written)?),
            "source.namespace" => Test::SourceNamespace(Values::parse(&written)?),
            "source.principal" => Test::SourcePrincipal(Values::parse(&written)?),
            "source.serviceAccount" => Test::SourceServiceAccount(Values::parse(&written)?),
            "destination.ip" => Test::DestinationIp(Values::parse(&written)?),
            "destination.port" => Test::DestinationPort(Values::parse(&written)?),
            key if is_layer7(key) => Test::Layer7,
            key => return Err(format!("{:?} is not a key of a condition", shortened(key))),
        };
        Ok(Self { written, test })
    }
}

impl From<Condition> for Written {
    fn from(condition: Condition) -> Self {
        condition.written
    }
}

impl<T: FromStr<Err: fmt::Display>> Values<T> {
    fn parse(written: &Written) -> Result<Self, String> {
        let list = |field: &str, texts: &[String]| {
            let parse = |(at, text): (usize, &String)| {
                text.parse().map_err(|error| format!("{field}[{at}]: {error}"))
            };
            texts.iter().enumerate().map(parse).collect::<Result<Vec<T>, String>>()
        };
        Ok(Self {
            values: list("values", &written.values)?,
            not_values: list("notValues", &written.not_values)?,
        })
    }
}

fn is_layer7(key: &str) -> bool {
    const KEYS: [&str; 5] = [
        "remote.ip",
        "request.auth.principal",
        "request.auth.audiences",
        "request.auth.presenter",
        "connection.sni",
    ];
    const INDEXED: [&str; 2] = ["request.headers[", "request.auth.claims["];
    KEYS.contains(&key) || (key.ends_with(']') && INDEXED.iter().any(|prefix| key.starts_with(prefix)))
}
