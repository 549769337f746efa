use k8s_openapi::api::core::v1::Pod;
use karez_resources::policy::AuthorizationPolicy;
use serde_json::json;

use super::*;

fn policy(spec: &Value) -> Delta {
    let meta =
        json!({"name": "only-web", "namespace": "shop", "resourceVersion": "7", "managedFields": [{"a": 1}]});
    let object = json!({"apiVersion": "karez.dev/v1alpha1", "kind": "AuthorizationPolicy", "metadata": meta, "spec": spec});
    serde_json::from_value::<Observed<AuthorizationPolicy>>(object).unwrap().delta()
}

#[test]
fn a_good_object_is_set() {
    let delta = policy(&json!({"action": "Deny", "rules": [{}]}));
    assert!(matches!(delta, Delta::Set { file: None, .. }), "{delta:?}");
}

#[test]
fn an_object_that_is_wrong_is_named_with_its_field_and_what_it_covers() {
    let selector = json!({"matchLabels": {"app": "web"}});
    let delta = policy(&json!({"selector": selector, "action": "Allow", "rules": [{"form": []}]}));
    let Delta::Unreadable { key, broken, .. } = delta else { panic!("{delta:?}") };
    assert_eq!(key, Key::new(Kind::AuthorizationPolicy, "shop", "only-web"));
    assert!(broken.problem.field.starts_with("spec.rules[0]"), "{:?}", broken.problem);
    assert!(broken.selector.is_some_and(|selector| !selector.is_everything()));
}

#[test]
fn an_object_that_is_wrong_brings_what_its_status_keeps() {
    let brings = |kept: &str| {
        let meta = json!({"name": "only-web", "namespace": "shop"});
        let object = json!({"metadata": meta, "spec": {"acton": "Deny"}, "status": {"lastGoodSpec": kept}});
        let observed: Observed<AuthorizationPolicy> = serde_json::from_value(object).unwrap();
        let Delta::Unreadable { broken, .. } = observed.delta() else { panic!("it is good") };
        broken.last_good
    };
    let kept = brings(r#"{"action":"Deny","rules":[{}]}"#).unwrap();
    assert_eq!(kept.key(), Key::new(Kind::AuthorizationPolicy, "shop", "only-web"));
    for kept in ["", "{", r#"{"acton":"Deny"}"#, "null"] {
        assert_eq!(brings(kept), None, "{kept}");
    }
}

#[test]
fn a_spec_is_good_when_all_of_it_can_be_read() {
    let good_spec = |spec: Value| {
        let object = json!({"metadata": {"name": "only-web", "namespace": "shop"}, "spec": spec});
        let observed: Observed<AuthorizationPolicy> = serde_json::from_value(object).unwrap();
        let Sighting::There { good_spec, .. } = observed.sighting() else { panic!("it is there") };
        good_spec
    };
    assert_eq!(good_spec(json!({"action": "Deny"})).as_deref(), Some(r#"{"action":"Deny"}"#));
    assert_eq!(good_spec(json!({"acton": "Deny"})), None);
    let no_port = json!({"action": "Deny", "rules": [{"to": [{"operation": {"ports": ["none"]}}]}]});
    assert_eq!(good_spec(no_port), None);
}

#[test]
fn an_object_of_other_types_than_declared_stops_nothing() {
    let pod =
        |name: &str, spec: Value| json!({"metadata": {"name": name, "namespace": "shop"}, "spec": spec});
    let items = json!([
        pod("good", json!({"containers": []})),
        pod("odd", json!({"containers": "none", "hostNetwork": 3})),
    ]);
    let list = json!({"metadata": {"resourceVersion": "1"}, "items": items});
    let list: kube::api::ObjectList<Observed<Pod>> = serde_json::from_value(list).unwrap();
    let deltas: Vec<Delta> = list.items.into_iter().map(Observed::delta).collect();
    assert!(matches!(&deltas[0], Delta::Set { .. }));
    assert!(
        matches!(&deltas[1], Delta::Unreadable { broken, .. } if broken.problem.field.starts_with("spec."))
    );
}
