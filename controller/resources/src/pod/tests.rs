use serde_json::{Value, json};

use super::*;

fn read(spec: &Value) -> Result<Pod, FieldError> {
    let metadata = json!({"name": "api", "namespace": "shop", "uid": "u1"});
    read_object(json!({"metadata": metadata, "spec": spec}))
}

fn read_object(object: Value) -> Result<Pod, FieldError> {
    serde_json::from_value::<k8s::Pod>(object).unwrap().try_into()
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

#[test]
fn what_the_api_leaves_out_is_not_there_yet() {
    let meta = json!({"name": "api", "namespace": "shop"});
    let pod = read_object(json!({"metadata": meta})).unwrap();
    assert_eq!((pod.phase, pod.ready), (Phase::Pending, false));
    let ready = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
    let pod = read_object(json!({"metadata": meta, "status": ready})).unwrap();
    assert!(pod.serves());
}

#[test]
fn a_label_that_cannot_be_read_hides_nothing_else_of_the_pod() {
    let meta = json!({"name": "api", "namespace": "shop", "labels": {"karez.dev/mesh": "off"}});
    let status = json!({"phase": "Succeeded", "podIP": "10.0.0.1"});
    let pod = read_object(json!({"metadata": meta, "status": status})).unwrap();
    assert_eq!((pod.enrolment, pod.phase), (Some(Enrolment::Enabled), Phase::Succeeded));
    assert_eq!(pod.unknown_words[0].field, "metadata.labels[karez.dev/mesh]");
}

#[test]
fn a_service_account_is_that_which_is_written() {
    let account = |spec: Value| read(&spec).unwrap().service_account;
    assert_eq!(account(json!({"containers": [], "serviceAccountName": "web"})).as_deref(), Some("web"));
    assert_eq!(account(json!({"containers": [], "serviceAccount": "web"})).as_deref(), Some("web"));
    assert_eq!(account(json!({"containers": []})), None);
    assert_eq!(account(json!({"containers": [], "serviceAccountName": ""})), None);
}

#[test]
fn in_a_manifest_an_absent_service_account_is_default_but_for_mirror_pods() {
    let account = |annotations: Value| {
        let metadata = json!({"name": "api", "namespace": "shop", "annotations": annotations});
        let pod = json!({"metadata": metadata, "spec": {"containers": []}});
        let pod = crate::manifest_defaults::pod(serde_json::from_value(pod).unwrap());
        Pod::try_from(pod).unwrap().service_account
    };
    assert_eq!(account(json!({})).as_deref(), Some("default"));
    assert_eq!(account(json!({"kubernetes.io/config.mirror": "0123456789abcdef0123456789abcdef"})), None);
}

#[test]
fn a_mirror_pod_is_called_by_its_hash_and_no_other() {
    let hash = "0123456789abcdef0123456789abcdef";
    let uid = |hash: &str, mirror: &str, account: &str| {
        let annotations = json!({"kubernetes.io/config.hash": hash, "kubernetes.io/config.mirror": mirror});
        let meta = json!({"name": "api", "namespace": "shop", "uid": "u1", "annotations": annotations});
        let spec = json!({"containers": [], "serviceAccountName": account});
        read_object(json!({"metadata": meta, "spec": spec})).unwrap().uid.unwrap()
    };
    assert_eq!(uid(hash, hash, ""), hash);
    assert_eq!(uid(hash, hash, "default"), "u1", "no mirror Pod has a service account");
    assert_eq!(uid(hash, "", ""), "u1");
    // The uid of another Pod, which no kubelet makes up.
    let other = "8f1c3a52-7d0e-4c8a-9d4b-0f6f2f7c1a11";
    assert_eq!(uid(other, other, ""), "u1");
}
