use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn pod(name: &str, spec: &Value) -> Pod {
    object(json!({"metadata": {"name": name, "namespace": "shop", "labels": {"app": name}}, "spec": spec}))
}

fn survey(pods: Vec<Pod>) -> Survey {
    let shop = json!({"metadata": {"name": "shop", "labels": {"karez.dev/mesh": "enabled"}}});
    Survey {
        namespaces: vec![object(shop)],
        pods,
        own_namespace: "karez-system".to_owned(),
        ..Survey::default()
    }
}

fn policy(ingress: &Value) -> NetworkPolicy {
    let spec = json!({"podSelector": {"matchLabels": {"app": "web"}}, "ingress": ingress});
    object(json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": spec}))
}

#[test]
fn a_network_policy_that_admits_no_tunnel_is_named() {
    let web = || pod("web", &json!({"containers": []}));
    let found = |ingress: &Value, pods: Vec<Pod>| {
        findings(&Survey { policies: vec![policy(ingress)], ..survey(pods) })
    };
    let blocked = ClusterFinding::TunnelBlocked { policy: "shop/web".to_owned(), pod: "shop/web".to_owned() };
    for ingress in [
        json!([]),
        json!([{"ports": [{"port": 80}]}]),
        json!([{"ports": [{"port": 15008, "protocol": "UDP"}]}]),
    ] {
        assert_eq!(found(&ingress, vec![web()]), std::slice::from_ref(&blocked), "{ingress}");
    }
    for ingress in [
        json!([{}]),
        json!([{"ports": [{"port": 80}, {"port": 15008}]}]),
        json!([{"ports": [{"port": 15000, "endPort": 15010}]}]),
    ] {
        assert_eq!(found(&ingress, vec![web()]), [], "{ingress}");
    }
    assert_eq!(found(&json!([]), vec![pod("other", &json!({"containers": []}))]), []);
}

#[test]
fn pods_that_may_pass_by_the_mesh_are_named_where_they_are_in_it() {
    let raw = json!({"containers": [{"name": "a", "securityContext": {"capabilities": {"add": ["NET_RAW", "CHOWN"]}}}]});
    let found = findings(&survey(vec![pod("web", &raw)]));
    assert!(
        matches!(&found[..], [ClusterFinding::Power { power, .. }] if power == "adds NET_RAW"),
        "{found:?}"
    );
    let mut outside = pod("web", &raw);
    outside.metadata.labels.as_mut().unwrap().insert("karez.dev/mesh".to_owned(), "disabled".to_owned());
    assert_eq!(findings(&survey(vec![outside])), []);
}

#[test]
fn what_is_installed_has_to_be_ready() {
    let controller = json!({"metadata": {"name": "karez-controller"}, "spec": {"replicas": 2, "selector": {}, "template": {}}, "status": {"readyReplicas": 1}});
    let survey = Survey {
        deployments: vec![object(controller)],
        definitions: vec!["meshes.karez.dev".to_owned()],
        ..survey(Vec::new())
    };
    let found: Vec<String> = findings(&survey).iter().map(ToString::to_string).collect();
    assert!(found[0].contains("authorizationpolicies.karez.dev: missing"), "{found:?}");
    assert!(found[1].starts_with("Deployment karez-controller: 1 of 2"), "{found:?}");
}

#[test]
fn kernels_are_compared_by_number() {
    for (text, expected) in
        [("6.18.0-generic", Some((6, 18))), ("5.4.0", Some((5, 4))), ("", None), ("x", None)]
    {
        assert_eq!(version(text), expected, "{text}");
    }
}
