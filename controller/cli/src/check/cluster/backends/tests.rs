use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn backend(named_by: &str, port: i32) -> Backend {
    let (namespace, service) = ("shop".to_owned(), "hook".to_owned());
    Backend { named_by: named_by.to_owned(), namespace, service, port }
}

#[test]
fn services_of_webhooks_are_named_and_urls_are_not() {
    let webhook = |client: Value| json!({"name": "a.b.c", "clientConfig": client, "admissionReviewVersions": ["v1"], "sideEffects": "None"});
    let configuration = json!({
        "metadata": {"name": "hooks"},
        "webhooks": [
            webhook(json!({"service": {"namespace": "shop", "name": "hook"}})),
            webhook(json!({"service": {"namespace": "shop", "name": "hook", "port": 8443}})),
            webhook(json!({"url": "https://hooks.example"})),
        ],
    });
    let expected = |kind: &str| {
        let named_by = format!("{kind} hooks");
        [backend(&named_by, 443), backend(&named_by, 8443)]
    };
    let validating = object(configuration.clone());
    assert_eq!(of_validating(&validating), expected("ValidatingWebhookConfiguration"));
    assert_eq!(of_mutating(&object(configuration)), expected("MutatingWebhookConfiguration"));
    assert_eq!(of_mutating(&object(json!({"metadata": {"name": "none"}}))), []);
}

#[test]
fn conversions_and_aggregated_apis_are_named() {
    let definition = |conversion: Value| {
        object(json!({
            "metadata": {"name": "things.example.org"},
            "spec": {
                "group": "example.org", "scope": "Namespaced", "names": {"kind": "Thing", "plural": "things"},
                "versions": [], "conversion": conversion,
            },
        }))
    };
    let service = json!({"namespace": "shop", "name": "hook", "port": 9443});
    let webhook = json!({"strategy": "Webhook", "webhook": {"clientConfig": {"service": service}, "conversionReviewVersions": ["v1"]}});
    let expected = backend("CustomResourceDefinition things.example.org", 9443);
    assert_eq!(of_definition(&definition(webhook)), Some(expected));
    assert_eq!(of_definition(&definition(json!({"strategy": "None"}))), None);

    let api = |service: Value| {
        let spec = json!({"groupPriorityMinimum": 1, "versionPriority": 1, "service": service});
        object(json!({"metadata": {"name": "v1.example.org"}, "spec": spec}))
    };
    let named = api(json!({"namespace": "shop", "name": "hook"}));
    assert_eq!(of_api_service(&named), Some(backend("APIService v1.example.org", 443)));
    assert_eq!(of_api_service(&api(Value::Null)), None, "one of the API server's own");
}
