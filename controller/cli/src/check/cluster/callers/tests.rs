use serde_json::{Value, json};

use super::*;

fn pod(annotations: &Value) -> Pod {
    let ports = json!([{"name": "https", "containerPort": 8443}, {"name": "metrics", "containerPort": 9090}, {"containerPort": 53, "protocol": "UDP"}]);
    serde_json::from_value(json!({
        "metadata": {"name": "hook", "namespace": "shop", "labels": {"app": "hook"}, "annotations": annotations},
        "spec": {"containers": [{"name": "main", "ports": ports}]},
    }))
    .unwrap()
}

fn service(spec: &Value) -> Service {
    let metadata = json!({"name": "hook", "namespace": "shop"});
    serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
}

/// The ports of the Pod that callers are refused on, the namespace being annotated so.
fn refused(
    on_namespace: &Value,
    pod: &Pod,
    services: &[Service],
    backends: &[Backend],
) -> Vec<RefusedCaller> {
    let shop = json!({"metadata": {"name": "shop", "annotations": on_namespace}});
    let namespaces = [serde_json::from_value(shop).unwrap()];
    refused_callers(Modes { namespaces: &namespaces, default_mode: None }, &[pod], services, backends)
}

fn ports(refused: &[RefusedCaller]) -> Vec<u16> {
    refused.iter().map(|it| it.port).collect()
}

fn backend(port: i32) -> Backend {
    Backend {
        named_by: "APIService v1.example.org".to_owned(),
        namespace: "shop".to_owned(),
        service: "hook".to_owned(),
        port,
    }
}

#[test]
fn a_backends_pods_are_found_through_its_service() {
    let spec = |selector: Value, target: Value| json!({"selector": selector, "ports": [{"port": 443, "targetPort": target}]});
    let app = |name: &str| json!({"app": name});
    let table: [(&str, Value, i32, &[u16]); 8] = [
        ("a number", spec(app("hook"), json!(8443)), 443, &[8443]),
        ("a name", spec(app("hook"), json!("https")), 443, &[8443]),
        ("the same number", spec(app("hook"), Value::Null), 443, &[443]),
        ("a name that no container has", spec(app("hook"), json!("grpc")), 443, &[]),
        ("a port that the Service has not", spec(app("hook"), json!(8443)), 9443, &[]),
        ("others' labels", spec(app("web"), json!(8443)), 443, &[]),
        ("no selector", spec(Value::Null, json!(8443)), 443, &[]),
        ("an empty selector", spec(json!({}), json!(8443)), 443, &[]),
    ];
    for (what, spec, port, expected) in table {
        let found = refused(&json!({}), &pod(&json!({})), &[service(&spec)], &[backend(port)]);
        assert_eq!(ports(&found), expected, "{what}");
    }
    assert_eq!(refused(&json!({}), &pod(&json!({})), &[], &[backend(443)]), [], "no Service");
}

#[test]
fn scrapes_go_to_the_annotated_port_or_to_all() {
    let table: [(Value, &[u16]); 5] = [
        (json!({}), &[]),
        (json!({"prometheus.io/scrape": "false", "prometheus.io/port": "9090"}), &[]),
        (json!({"prometheus.io/scrape": "true", "prometheus.io/port": "9100"}), &[9100]),
        (json!({"prometheus.io/scrape": "true"}), &[8443, 9090]),
        (json!({"prometheus.io/scrape": "true", "prometheus.io/port": "metrics"}), &[]),
    ];
    for (annotations, expected) in table {
        assert_eq!(ports(&refused(&json!({}), &pod(&annotations), &[], &[])), expected, "{annotations}");
    }
}

#[test]
fn an_exempt_port_is_no_finding() {
    let scraped = |own: Option<&str>| {
        let mut annotations = json!({"prometheus.io/scrape": "true", "prometheus.io/port": "9090"});
        if let Some(own) = own {
            annotations["karez.dev/permissive-ports"] = json!(own);
        }
        pod(&annotations)
    };
    let table: [(Option<&str>, Option<&str>, &[u16]); 5] = [
        (None, None, &[9090]),
        (Some("9090"), None, &[]),
        (None, Some("8443,9090"), &[]),
        (Some("8443"), Some("9090"), &[9090]),
        (Some(""), Some("9090"), &[9090]),
    ];
    for (own, of_namespace, expected) in table {
        let annotations =
            of_namespace.map_or(json!({}), |ports| json!({"karez.dev/permissive-ports": ports}));
        let found = refused(&annotations, &scraped(own), &[], &[]);
        assert_eq!(ports(&found), expected, "{own:?} {of_namespace:?}");
    }
}

#[test]
fn the_mode_is_the_namespaces() {
    let pod = pod(&json!({"prometheus.io/scrape": "true", "prometheus.io/port": "9090"}));
    for (annotations, expected) in [(json!({}), false), (json!({"karez.dev/mtls": "strict"}), true)] {
        let told = RefusedCaller {
            caller: Caller::Prometheus,
            namespace: "shop".to_owned(),
            port: 9090,
            is_strict: expected,
            pods: vec!["shop/hook".to_owned()],
        };
        assert_eq!(refused(&annotations, &pod, &[], &[]), [told]);
    }
}
