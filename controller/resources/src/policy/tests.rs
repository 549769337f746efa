use kube::CustomResourceExt;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{AuthorizationPolicy, Pattern, Port, Principal, ServiceAccountRef};
use crate::ip_block::IpBlock;
use crate::manifest::{self, Broken, Reading};
use crate::mesh::Mesh;
use crate::resource::Resource;

fn policy(spec: &Value) -> Value {
    json!({
        "apiVersion": "karez.dev/v1alpha1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": spec,
    })
}

fn read(policy: &Value) -> Reading {
    manifest::read(policy.to_string().as_bytes()).remove(0)
}

fn broken(spec: &Value) -> Broken {
    match read(&policy(spec)) {
        Reading::Broken(broken) => *broken,
        other => panic!("{spec}: {other:?}"),
    }
}

#[test]
fn every_field_is_read_and_written_alike() {
    let spec = json!({
        "selector": {"matchLabels": {"app": "web"}},
        "action": "Deny",
        "mode": "Audit",
        "rules": [{
            "from": [{"source": {
                "principals": ["cluster.local/ns/a/sa/b", "cluster.local/*", "*/sa/b", "*"],
                "notPrincipals": ["cluster.local/ns/a/sa/c"],
                "namespaces": ["shop", "shop-*"], "notNamespaces": ["*-test"],
                "serviceAccounts": ["a/b", "c"], "notServiceAccounts": ["a/d"],
                "ipBlocks": ["10.0.0.0/8", "fd00::/8"], "notIpBlocks": ["10.1.2.3/32"],
                "requestPrincipals": ["*"], "notRequestPrincipals": ["x"],
                "remoteIpBlocks": ["10.0.0.0/8"], "notRemoteIpBlocks": ["10.0.0.0/8"],
            }}],
            "to": [{"operation": {
                "ports": ["80"], "notPorts": ["81"], "hosts": ["a"], "notHosts": ["b"],
                "methods": ["GET"], "notMethods": ["PUT"], "paths": ["/a*"], "notPaths": ["*/b"],
            }}],
            "when": [
                {"key": "source.ip", "values": ["10.0.0.1/32"], "notValues": ["10.0.0.2/32"]},
                {"key": "request.headers[x]", "values": ["y"]},
            ],
        }],
    });
    let Reading::Good(resource) = read(&policy(&spec)) else { panic!("not read") };
    let Resource::AuthorizationPolicy(policy) = *resource else { panic!("another kind") };
    assert_eq!(serde_json::to_value(&policy.spec).unwrap(), spec);
}

#[test]
fn what_would_read_as_anything_is_refused() {
    let rule = |rule: Value| json!({"rules": [rule]});
    let cases = [
        (json!({"rulez": []}), "spec.rulez"),
        (json!({"action": "ALLOW"}), "spec.action"),
        (json!({"mode": "audit"}), "spec.mode"),
        (json!({"rules": null}), "spec.rules"),
        (json!({"selector": {"matchExpressions": []}}), "spec.selector.matchExpressions"),
        (json!({"selector": {"matchLabels": {"a b": "c"}}}), "spec.selector.matchLabels[a b]"),
        (json!({"targetRefs": []}), "spec.targetRefs"),
        (rule(json!({"form": []})), "spec.rules[0].form"),
        (rule(json!({"from": []})), "spec.rules[0].from"),
        (rule(json!({"from": null})), "spec.rules[0].from"),
        (rule(json!({"from": [{"source": {}}]})), "spec.rules[0].from[0].source"),
        (rule(json!({"from": [{}]})), "spec.rules[0].from[0]"),
        (rule(json!({"from": [{"source": {"principals": []}}]})), "spec.rules[0].from[0].source.principals"),
        (
            rule(json!({"from": [{"source": {"principals": ["shop/web"]}}]})),
            "spec.rules[0].from[0].source.principals[0]",
        ),
        (
            rule(json!({"from": [{"source": {"namespaces": [""]}}]})),
            "spec.rules[0].from[0].source.namespaces[0]",
        ),
        (
            rule(json!({"from": [{"source": {"namespaces": ["a*b"]}}]})),
            "spec.rules[0].from[0].source.namespaces[0]",
        ),
        (
            rule(json!({"from": [{"source": {"ipBlocks": ["10.0.0.0/33"]}}]})),
            "spec.rules[0].from[0].source.ipBlocks[0]",
        ),
        (rule(json!({"to": [{"operation": {}}]})), "spec.rules[0].to[0].operation"),
        (rule(json!({"to": [{"operation": {"ports": [80]}}]})), "spec.rules[0].to[0].operation.ports[0]"),
        (rule(json!({"to": [{"operation": {"ports": ["0"]}}]})), "spec.rules[0].to[0].operation.ports[0]"),
        (rule(json!({"when": [{"key": "source.ip"}]})), "spec.rules[0].when[0]"),
        (rule(json!({"when": [{"key": "sourceip", "values": ["10.0.0.1"]}]})), "spec.rules[0].when[0]"),
        (rule(json!({"when": [{"key": "source.ip", "values": ["x"]}]})), "spec.rules[0].when[0]"),
        (rule(json!({"when": [{"key": "source.ip", "values": []}]})), "spec.rules[0].when[0].values"),
    ];
    for (spec, field) in cases {
        assert_eq!(broken(&spec).problem.field, field, "{spec}");
    }
}

#[test]
fn a_selector_that_can_be_read_says_what_a_broken_policy_covers() {
    let selector = json!({"matchLabels": {"app": "web"}});
    let covers = |spec: &Value| broken(spec).selector.map(|selector| selector.match_labels);
    assert_eq!(covers(&json!({"selector": selector, "action": "x"})).unwrap()["app"], "web");
    assert_eq!(covers(&json!({"action": "x"})), None);
    assert_eq!(covers(&json!({"selector": {"matchLabel": {}}, "action": "x"})), None);
    assert_eq!(covers(&json!({"selector": {"matchLabels": {"a": "b c"}}})), None);
    let target = json!([{"kind": "Service", "name": "web"}]);
    assert_eq!(
        covers(&json!({"selector": selector, "targetRefs": target})),
        None,
        "both: which one was meant?"
    );
}

#[test]
fn the_meshs_own_name_is_taken() {
    let mut object = policy(&json!({}));
    object["metadata"]["name"] = karez_api::names::STRICT_POLICY.into();
    assert!(matches!(read(&object), Reading::Broken(broken) if broken.problem.field == "metadata.name"));
}

#[test]
fn patterns_have_istios_forms() {
    let parse = |text: &str| text.parse::<Pattern>().ok();
    assert_eq!(parse("*"), Some(Pattern::Present));
    assert_eq!(parse("shop"), Some(Pattern::Exact("shop".to_owned())));
    assert_eq!(parse("shop*"), Some(Pattern::Prefix("shop".to_owned())));
    assert_eq!(parse("*shop"), Some(Pattern::Suffix("shop".to_owned())));
    for bad in ["", "**", "*shop*", "sh*op", "***"] {
        assert_eq!(parse(bad), None, "{bad:?}");
    }
}

#[test]
fn a_principals_scheme_is_dropped() {
    let parse = |text: &str| text.parse::<Principal>().unwrap().pattern().clone();
    assert_eq!(parse("spiffe://a/ns/b/sa/c"), Pattern::Exact("a/ns/b/sa/c".to_owned()));
    assert_eq!(parse("spiffe://a/*"), Pattern::Prefix("a/".to_owned()));
    assert_eq!(parse("spiffe://*"), Pattern::Present);
    assert!("a/ns/b/sa/".parse::<Principal>().is_err());
    assert!("https://a/ns/b/sa/c".parse::<Principal>().is_err());
}

#[test]
fn the_custom_resource_definitions_are_ones_that_kubernetes_takes() {
    for definition in [AuthorizationPolicy::crd(), Mesh::crd()] {
        let definition = serde_json::to_value(definition).unwrap();
        let text = definition.to_string();
        // The API server refuses a structural schema that closes an object so; it prunes or warns by itself.
        assert!(!text.contains("\"additionalProperties\":false"), "{text}");
        assert!(!text.contains("$ref"), "{text}");
        assert!(text.contains("\"openAPIV3Schema\""), "{text}");
    }
}

proptest! {
    #[test]
    fn values_are_read_as_they_are_written(text in "[a-z0-9./*:-]{0,12}") {
        fn same<T: std::str::FromStr + std::fmt::Display + PartialEq + std::fmt::Debug>(text: &str) {
            if let Ok(value) = text.parse::<T>() {
                assert_eq!(value.to_string().parse::<T>().ok(), Some(value), "{text}");
            }
        }
        same::<Pattern>(&text);
        same::<Principal>(&text);
        same::<Port>(&text);
        same::<ServiceAccountRef>(&text);
        same::<IpBlock>(&text);
    }

    #[test]
    fn ports_are_numbers_of_sixteen_bits(number in any::<u32>()) {
        let port = number.to_string().parse::<Port>().ok().map(|port| u32::from(port.number()));
        prop_assert_eq!(port, (1..=65535).contains(&number).then_some(number));
    }
}
