use serde_json::{Value, json};

use super::*;

fn found(annotations: &Value, container: &Value, default_mode: Option<&str>) -> Vec<Probed> {
    let namespace = json!({"metadata": {"name": "shop", "annotations": annotations}});
    let mut container = container.clone();
    container["name"] = json!("web");
    let pod = json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": {"containers": [container]}});
    let pod: Pod = serde_json::from_value(pod).unwrap();
    probed(&[serde_json::from_value(namespace).unwrap()], &[&pod], default_mode)
}

#[test]
fn probes_over_the_network_are_found() {
    let http = json!({"httpGet": {"port": 80}});
    for (container, expected) in [
        (json!({}), false),
        (json!({"readinessProbe": http}), true),
        (json!({"livenessProbe": {"grpc": {"port": 80}}}), true),
        (json!({"startupProbe": http}), true),
        (json!({"livenessProbe": {"exec": {"command": ["true"]}}}), false),
        (json!({"livenessProbe": {"tcpSocket": {"port": 80}}}), false),
        (json!({"lifecycle": {"postStart": http}}), true),
        (json!({"lifecycle": {"preStop": {"sleep": {"seconds": 1}}}}), false),
    ] {
        assert_eq!(!found(&json!({}), &container, None).is_empty(), expected, "{container}");
    }
}

#[test]
fn the_namespace_decides_before_the_mesh() {
    let annotated = |mode: &str| json!({"karez.dev/mtls": mode});
    for (annotations, default_mode, expected) in [
        (json!({}), None, false),
        (json!({}), Some("permissive"), false),
        (json!({}), Some("strict"), true),
        (annotated("strict"), None, true),
        (annotated("permissive"), Some("strict"), false),
        (annotated("stric"), None, true),
    ] {
        let container = json!({"readinessProbe": {"httpGet": {"port": 80}}});
        let found = found(&annotations, &container, default_mode);
        let of_shop =
            Probed { namespace: "shop".to_owned(), is_strict: expected, pods: vec!["web".to_owned()] };
        assert_eq!(found, [of_shop], "{annotations} {default_mode:?}");
    }
}
