//! A translated policy decides as its text says. What an L4 proxy cannot check counts as false in an Allow policy and as
//! true in a Deny policy, so that it never admits more than the text does.
//!
//! Both sides are evaluated by the plainest code: the text as JSON, the message by the rules of the wire.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test's helpers may fail")]

mod manifests;

use std::net::IpAddr;

use ipnet::IpNet;
use karez_api::names::type_url;
use karez_api::security::string_match::MatchType;
use karez_api::security::{Address, Authorization, Match, ServiceAccountMatch, StringMatch};
use karez_translate::Index;
use proptest::prelude::*;
use prost::Message;
use serde_json::{Map, Value, json};

/// A connection; the peer is `TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT`, if it proved to be anyone.
#[derive(Debug, Clone)]
struct Connection {
    peer: Option<(&'static str, &'static str)>,
    source: IpAddr,
    destination: IpAddr,
    port: u16,
}

impl Connection {
    fn namespace(&self) -> &str {
        self.peer.map_or("", |(namespace, _)| namespace)
    }

    fn account(&self) -> Option<String> {
        self.peer.map(|(namespace, account)| format!("{namespace}/{account}"))
    }

    fn principal(&self) -> Option<String> {
        self.peer.map(|(namespace, account)| format!("cluster.local/ns/{namespace}/sa/{account}"))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn a_policy_decides_as_its_text_says(deny in any::<bool>(), rules in rules(), connection in connection()) {
        let text = json!({
            "apiVersion": "karez.dev/v1alpha1", "kind": "AuthorizationPolicy",
            "metadata": {"name": "policy", "namespace": "shop"},
            "spec": {"action": if deny { "Deny" } else { "Allow" }, "rules": rules},
        });
        let matches = rules.iter().any(|rule| text::rule_matches(rule, &connection, deny));
        prop_assert_eq!(wire::matches(&translated(&text), &connection), matches);
    }
}

fn translated(policy: &Value) -> Authorization {
    let mut index = Index::default();
    index.apply(manifests::deltas(&[("file", policy.to_string().as_bytes())]));
    let resources = index.resources();
    let is_policy = |name: &&karez_translate::ResourceName| name.type_url == type_url::AUTHORIZATION;
    let name = resources.keys().find(is_policy).unwrap();
    let policy = Authorization::decode(&resources[name][..]).unwrap();
    assert!(!policy.unreadable, "{:?}", index.problems());
    policy
}

/// The policy's text, evaluated.
mod text {
    use super::*;

    pub(super) fn rule_matches(rule: &Value, connection: &Connection, unseen: bool) -> bool {
        let any = |list: &str, inner: &str| {
            let alternatives = rule.get(list).and_then(Value::as_array);
            alternatives
                .is_none_or(|list| list.iter().any(|one| fields_match(&one[inner], connection, unseen)))
        };
        let conditions = rule.get("when").and_then(Value::as_array).into_iter().flatten();
        let mut conditions = conditions.map(|condition| condition_matches(condition, connection, unseen));
        any("from", "source") && any("to", "operation") && conditions.all(|matches| matches)
    }

    fn fields_match(fields: &Value, connection: &Connection, unseen: bool) -> bool {
        fields.as_object().unwrap().iter().all(|(name, values)| {
            let negated = name.strip_prefix("not").map(|rest| rest[..1].to_lowercase() + &rest[1..]);
            let found = |name: &str| contains(name, values, connection);
            match negated {
                Some(name) => found(&name).map_or(unseen, |found| !found),
                None => found(name).unwrap_or(unseen),
            }
        })
    }

    fn condition_matches(condition: &Value, connection: &Connection, unseen: bool) -> bool {
        let field = match condition["key"].as_str().unwrap() {
            "source.ip" => "ipBlocks",
            "source.namespace" => "namespaces",
            "source.principal" => "principals",
            "source.serviceAccount" => "serviceAccounts",
            "destination.ip" => "destinationIps",
            "destination.port" => "ports",
            _ => return unseen,
        };
        let found = |list: &str| condition.get(list).and_then(|values| contains(field, values, connection));
        found("values").unwrap_or(true) && !found("notValues").unwrap_or(false)
    }

    /// None for what an L4 proxy cannot see.
    fn contains(field: &str, values: &Value, connection: &Connection) -> Option<bool> {
        let any = |test: &dyn Fn(&str) -> bool| {
            values.as_array().unwrap().iter().any(|value| test(value.as_str().unwrap()))
        };
        let in_block = |block: &str, address: IpAddr| match block.parse::<IpNet>() {
            Ok(net) => net.contains(&address),
            Err(_) => block.parse::<IpAddr>().unwrap() == address,
        };
        Some(match field {
            "principals" => {
                let bare = |value: &str| value.strip_prefix("spiffe://").unwrap_or(value).to_owned();
                connection.principal().is_some_and(|principal| any(&|value| glob(&bare(value), &principal)))
            }
            "namespaces" => any(&|value| glob(value, connection.namespace())),
            "serviceAccounts" => {
                let full = |value: &str| {
                    if value.contains('/') { value.to_owned() } else { format!("shop/{value}") }
                };
                any(&|value| Some(full(value)) == connection.account())
            }
            "ipBlocks" => any(&|value| in_block(value, connection.source)),
            "destinationIps" => any(&|value| in_block(value, connection.destination)),
            "ports" => any(&|value| value == connection.port.to_string()),
            _ => return None,
        })
    }

    fn glob(pattern: &str, text: &str) -> bool {
        match (pattern.strip_suffix('*'), pattern.strip_prefix('*')) {
            (Some(""), _) => !text.is_empty(),
            (Some(prefix), _) => text.starts_with(prefix),
            (None, Some(suffix)) => text.ends_with(suffix),
            (None, None) => pattern == text,
        }
    }
}

/// The message, evaluated.
mod wire {
    use super::*;

    pub(super) fn matches(policy: &Authorization, connection: &Connection) -> bool {
        policy.rules.iter().any(|rule| {
            rule.clauses.iter().all(|clause| {
                clause.matches.is_empty() || clause.matches.iter().any(|one| match_matches(one, connection))
            })
        })
    }

    fn match_matches(one: &Match, connection: &Connection) -> bool {
        let principal = connection.principal();
        let text = |list: &[StringMatch], text: Option<&str>| {
            text.is_some_and(|text| list.iter().any(|one| pattern(one, text)))
        };
        let net = |list: &[Address], address: IpAddr| list.iter().any(|one| within(one, address));
        let account = |list: &[ServiceAccountMatch]| {
            list.iter()
                .any(|one| Some(format!("{}/{}", one.namespace, one.service_account)) == connection.account())
        };
        let port = |list: &[u32]| list.contains(&connection.port.into());
        let namespace = Some(connection.namespace());
        let principal = principal.as_deref();
        *one != Match::default()
            && (one.namespaces.is_empty() || text(&one.namespaces, namespace))
            && !text(&one.not_namespaces, namespace)
            && (one.principals.is_empty() || text(&one.principals, principal))
            && !text(&one.not_principals, principal)
            && (one.service_accounts.is_empty() || account(&one.service_accounts))
            && !account(&one.not_service_accounts)
            && (one.source_ips.is_empty() || net(&one.source_ips, connection.source))
            && !net(&one.not_source_ips, connection.source)
            && (one.destination_ips.is_empty() || net(&one.destination_ips, connection.destination))
            && !net(&one.not_destination_ips, connection.destination)
            && (one.destination_ports.is_empty() || port(&one.destination_ports))
            && !port(&one.not_destination_ports)
    }

    fn pattern(one: &StringMatch, text: &str) -> bool {
        match one.match_type.as_ref().unwrap() {
            MatchType::Exact(exact) => exact == text,
            MatchType::Prefix(prefix) => text.starts_with(prefix),
            MatchType::Suffix(suffix) => text.ends_with(suffix),
            MatchType::Presence(()) => !text.is_empty(),
        }
    }

    fn within(one: &Address, address: IpAddr) -> bool {
        let base: IpAddr = match <[u8; 4]>::try_from(&one.address[..]) {
            Ok(v4) => v4.into(),
            Err(_) => <[u8; 16]>::try_from(&one.address[..]).unwrap().into(),
        };
        IpNet::new(base, one.length.try_into().unwrap()).unwrap().contains(&address)
    }
}

const BLOCKS: &[&str] = &["10.0.0.0/16", "10.1.0.1", "0.0.0.0/0", "fd00::/16"];
const NAMESPACES: &[&str] = &["shop", "edge", "e*", "*p", "*"];
const PRINCIPALS: &[&str] = &[
    "cluster.local/ns/shop/sa/web",
    "spiffe://cluster.local/ns/edge/sa/web",
    "cluster.local/*",
    "*/sa/web",
    "*",
];
const ACCOUNTS: &[&str] = &["web", "edge/web", "shop/db"];
const PORTS: &[&str] = &["80", "81"];
const UNSEEN: &[&str] = &["x"];

fn connection() -> impl Strategy<Value = Connection> {
    let address = || {
        prop::sample::select(vec!["10.0.0.1", "10.1.0.1", "fd00::1"]).prop_map(|text| text.parse().unwrap())
    };
    let peer = prop::option::of((
        prop::sample::select(vec!["shop", "edge"]),
        prop::sample::select(vec!["web", "db"]),
    ));
    (peer, address(), address(), prop::sample::select(vec![80u16, 81, 82]))
        .prop_map(|(peer, source, destination, port)| Connection { peer, source, destination, port })
}

fn rules() -> impl Strategy<Value = Vec<Value>> {
    let source = || {
        fields(vec![
            ("principals", PRINCIPALS),
            ("notPrincipals", PRINCIPALS),
            ("namespaces", NAMESPACES),
            ("notNamespaces", NAMESPACES),
            ("serviceAccounts", ACCOUNTS),
            ("notServiceAccounts", ACCOUNTS),
            ("ipBlocks", BLOCKS),
            ("notIpBlocks", BLOCKS),
            ("requestPrincipals", UNSEEN),
            ("notRequestPrincipals", UNSEEN),
            ("remoteIpBlocks", BLOCKS),
            ("notRemoteIpBlocks", BLOCKS),
        ])
    };
    let operation = || {
        fields(vec![
            ("ports", PORTS),
            ("notPorts", PORTS),
            ("hosts", UNSEEN),
            ("notHosts", UNSEEN),
            ("methods", UNSEEN),
            ("notMethods", UNSEEN),
            ("paths", UNSEEN),
            ("notPaths", UNSEEN),
        ])
    };
    let alternatives = |inner: &'static str, one: BoxedStrategy<Value>| {
        prop::option::of(prop::collection::vec(one.prop_map(move |one| json!({inner: one})), 1..3))
    };
    let rule = (
        alternatives("source", source()),
        alternatives("operation", operation()),
        prop::collection::vec(condition(), 0..3),
    );
    let rule = rule.prop_map(|(from, to, when)| {
        let mut rule = Map::new();
        rule.extend(from.map(|from| ("from".to_owned(), json!(from))));
        rule.extend(to.map(|to| ("to".to_owned(), json!(to))));
        rule.extend((!when.is_empty()).then(|| ("when".to_owned(), json!(when))));
        Value::Object(rule)
    });
    prop::collection::vec(rule, 0..3)
}

/// One to three of these fields, with one or two values each.
fn fields(known: Vec<(&'static str, &'static [&'static str])>) -> BoxedStrategy<Value> {
    let most = known.len().min(3);
    prop::sample::subsequence(known, 1..=most)
        .prop_flat_map(|chosen| {
            let field = |(name, values): (&'static str, &'static [&'static str])| {
                prop::sample::subsequence(values.to_vec(), 1..=values.len().min(2))
                    .prop_map(move |values| (name, values))
            };
            chosen.into_iter().map(field).collect::<Vec<_>>()
        })
        .prop_map(|fields| {
            fields
                .into_iter()
                .map(|(name, values)| (name.to_owned(), json!(values)))
                .collect::<Map<_, _>>()
                .into()
        })
        .boxed()
}

fn condition() -> impl Strategy<Value = Value> {
    let keys: Vec<(&str, &'static [&'static str])> = vec![
        ("source.ip", BLOCKS),
        ("source.namespace", NAMESPACES),
        ("source.principal", PRINCIPALS),
        ("source.serviceAccount", ACCOUNTS),
        ("destination.ip", BLOCKS),
        ("destination.port", PORTS),
        ("request.headers[x]", UNSEEN),
        ("connection.sni", UNSEEN),
    ];
    prop::sample::select(keys).prop_flat_map(|(key, values)| {
        fields(vec![("values", values), ("notValues", values)]).prop_map(move |mut condition| {
            condition["key"] = key.into();
            condition
        })
    })
}
