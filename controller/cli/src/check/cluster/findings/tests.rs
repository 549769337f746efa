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

#[test]
fn a_network_policy_that_admits_no_tunnel_is_named() {
    let policies = vec![object(json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": {}}))];
    let pods = ["a", "b", "c", "d", "e"].map(|name| pod(name, &json!({"containers": []})));
    let found = findings(&Survey { policies, ..survey(pods.to_vec()) });
    let words: Vec<String> = found.iter().map(ToString::to_string).collect();
    let expected =
        "NetworkPolicy shop/web: admits nobody to TCP 15008 of Pod shop/a, shop/b, shop/c and 2 more";
    assert!(matches!(&words[..], [only] if only.starts_with(expected)), "{words:?}");
}

#[test]
fn probes_are_a_finding_where_strict_mode_refuses_them() {
    let http = json!({"containers": [{"name": "a", "readinessProbe": {"httpGet": {"port": 80}}}]});
    let permissive = survey(vec![pod("web", &http)]);
    assert_eq!(findings(&permissive), []);
    assert!(matches!(&before_strict(&permissive)[..], [ClusterFinding::ProbesRefused(it)] if !it.is_strict));
    let strict = Survey { default_mode: Some("strict".to_owned()), ..permissive };
    assert!(matches!(&findings(&strict)[..], [ClusterFinding::ProbesRefused(it)] if it.is_strict));
    assert_eq!(before_strict(&strict), []);
}

#[test]
fn callers_without_an_identity_are_a_finding_where_strict_mode_refuses_them() {
    let mut scraped = pod("web", &json!({"containers": []}));
    let annotations = [("prometheus.io/scrape", "true"), ("prometheus.io/port", "9090")];
    let owned = annotations.map(|(key, value)| (key.to_owned(), value.to_owned()));
    scraped.metadata.annotations = Some(owned.into());
    let permissive = survey(vec![scraped]);
    assert_eq!(findings(&permissive), []);
    let before = before_strict(&permissive);
    let words = "Namespace shop: strict mode would refuse scrapes by a Prometheus outside of the mesh to port 9090 of Pod \
                 shop/web: name the port in the annotation karez.dev/permissive-ports of the Pods or of the namespace";
    assert_eq!(before.iter().map(ToString::to_string).collect::<Vec<_>>(), [words]);
    let strict = Survey { default_mode: Some("strict".to_owned()), ..permissive };
    assert!(matches!(&findings(&strict)[..], [ClusterFinding::CallerRefused(it)] if it.is_strict));
    assert_eq!(before_strict(&strict), []);
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
fn a_program_that_wants_no_pod_is_named() {
    let controller = json!({"metadata": {"name": "karez-controller"}, "spec": {"replicas": 0, "selector": {}, "template": {}}});
    let found = findings(&Survey { deployments: vec![object(controller)], ..survey(Vec::new()) });
    let words: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(
        words.iter().any(|it| it.starts_with("Deployment karez-controller: no Pod of it is wanted")),
        "{words:?}"
    );
}

#[test]
fn kernels_are_compared_by_number() {
    for (text, expected) in
        [("6.18.0-generic", Some((6, 18))), ("5.4.0", Some((5, 4))), ("", None), ("x", None)]
    {
        assert_eq!(version(text), expected, "{text}");
    }
}
