use serde_json::{Value, json};

use super::*;

fn read(spec: &Value) -> Result<Pod, FieldError> {
    let metadata = json!({"name": "api", "namespace": "shop"});
    Pod::read(serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap())
}

fn container(name: &str, port: u16) -> Value {
    json!({"name": name, "ports": [{"name": name, "containerPort": port}]})
}

#[test]
fn named_ports_are_those_of_containers_and_native_sidecars() {
    let sidecar = |name: &str, port| {
        let mut sidecar = container(name, port);
        sidecar["restartPolicy"] = "Always".into();
        sidecar
    };
    let pod = read(&json!({
        "containers": [container("http", 8080)],
        "initContainers": [container("setup", 9000), sidecar("https", 8443), sidecar("http", 1)],
    }));
    let pod = pod.unwrap();
    let ports = ["http", "https", "setup", "nosuch"].map(|name| pod.port_named(name));
    assert_eq!(ports, [Some(8080), Some(8443), None, None]);
}

#[test]
fn what_is_wrong_with_a_sidecar_is_named() {
    let wrong = json!({
        "containers": [],
        "initContainers": [
            {"name": "setup"},
            {"name": "tls", "restartPolicy": "Always", "ports": [{"containerPort": 443, "protocol": "tls"}]},
        ],
    });
    assert_eq!(read(&wrong).unwrap_err().field, "spec.initContainers[1].ports[0].protocol");
}
