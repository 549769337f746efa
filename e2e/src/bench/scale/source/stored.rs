//! Simulated objects as an API server keeps them in etcd: with all that a manifest need not say.

use serde_json::{Value, json};

use crate::bench::scale::objects;

const SINCE: &str = "2026-11-30T10:00:00Z";
/// The namespace that the mesh is installed in.
pub(super) const OWN_NAMESPACE: &str = "karez-system";

/// An object and its key.
pub(super) type Stored = (String, Value);

/// A namespace with its Services and Pods.
pub(super) fn namespace(number: u32) -> Vec<Stored> {
    let mut stored = vec![named_namespace(objects::namespace(number))];
    stored.extend(objects::services(number).into_iter().map(of_service));
    let first = number * objects::PODS_PER_NAMESPACE;
    let pods = first..first + objects::PODS_PER_NAMESPACE;
    stored.extend(pods.map(|pod| of_pod(objects::pod(pod, 0), &format!("10.{}", pod % 256))));
    stored
}

/// What the mesh's own namespace holds: the controller's Pod, and the Pods and the Node of so many proxies.
pub(super) fn own(proxies: u32) -> Vec<Stored> {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OWN_NAMESPACE}});
    let mut stored = vec![named_namespace(namespace)];
    for account in ["karez-node", "karez-controller"] {
        let object = json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": account, "namespace": OWN_NAMESPACE, "uid": format!("uid-{account}"), "creationTimestamp": SINCE},
        });
        stored.push((format!("/registry/serviceaccounts/{OWN_NAMESPACE}/{account}"), object));
    }
    stored.push(own_pod("karez-controller-0", "uid-of-controller", "karez-controller", &objects::node(0)));
    for proxy in 0..proxies {
        let node = objects::node(proxy);
        stored.push(own_pod(&proxy_pod(proxy), &proxy_uid(proxy), "karez-node", &node));
        let object = json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {
                "name": node, "uid": format!("uid-of-{node}"), "creationTimestamp": SINCE,
                "labels": {"topology.kubernetes.io/zone": format!("z{}", proxy % 3), "topology.kubernetes.io/region": "r"},
            },
        });
        stored.push((format!("/registry/minions/{node}"), object));
    }
    stored
}

/// The name of a proxy's Pod.
pub(super) fn proxy_pod(proxy: u32) -> String {
    format!("karez-node-{proxy}")
}

/// Its uid.
pub(super) fn proxy_uid(proxy: u32) -> String {
    format!("5e0c7d1a-0000-4000-8000-{proxy:012}")
}

fn own_pod(name: &str, uid: &str, account: &str, node: &str) -> Stored {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": OWN_NAMESPACE, "uid": uid, "labels": {"app.kubernetes.io/name": account}},
        "spec": {"nodeName": node, "serviceAccountName": account, "containers": [{"name": "main", "image": "karez"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    });
    of_pod(pod, "10.255")
}

fn named_namespace(mut object: Value) -> Stored {
    let name = text(&object, "/metadata/name");
    set(&mut object, "/metadata", "uid", json!(format!("uid-of-{name}")));
    set(&mut object, "/metadata", "creationTimestamp", json!(SINCE));
    set(&mut object, "", "spec", json!({"finalizers": ["kubernetes"]}));
    set(&mut object, "", "status", json!({"phase": "Active"}));
    (format!("/registry/namespaces/{name}"), object)
}

fn of_service(mut object: Value) -> Stored {
    let (namespace, name) = (text(&object, "/metadata/namespace"), text(&object, "/metadata/name"));
    set(&mut object, "/metadata", "uid", json!(format!("uid-of-{namespace}-{name}")));
    set(&mut object, "/metadata", "creationTimestamp", json!(SINCE));
    if text(&object, "/kind") == "EndpointSlice" {
        return (format!("/registry/endpointslices/{namespace}/{name}"), object);
    }
    for (field, value) in [
        ("type", json!("ClusterIP")),
        ("ipFamilies", json!(["IPv4"])),
        ("ipFamilyPolicy", json!("SingleStack")),
        ("internalTrafficPolicy", json!("Cluster")),
    ] {
        set(&mut object, "/spec", field, value);
    }
    (format!("/registry/services/specs/{namespace}/{name}"), object)
}

/// With the token that every Pod has, what a kubelet reports, and the fields' managers: about as big as a real one.
fn of_pod(mut object: Value, host: &str) -> Stored {
    let (namespace, name) = (text(&object, "/metadata/namespace"), text(&object, "/metadata/name"));
    set(&mut object, "/metadata", "creationTimestamp", json!(SINCE));
    set(&mut object, "/metadata", "managedFields", managed_fields());
    set(
        &mut object,
        "/spec",
        "volumes",
        json!([{"name": "kube-api-access", "projected": {"defaultMode": 420, "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
        ]}}]),
    );
    set(
        &mut object,
        "/spec",
        "tolerations",
        json!([
            {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
            {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
        ]),
    );
    let condition = |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": SINCE});
    let conditions = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
    set(&mut object, "/status", "conditions", json!(conditions.map(condition)));
    set(&mut object, "/status", "startTime", json!(SINCE));
    set(&mut object, "/status", "hostIP", json!(format!("{host}.0.1")));
    set(&mut object, "/status", "qosClass", json!("BestEffort"));
    set(
        &mut object,
        "/status",
        "containerStatuses",
        json!([{
            "name": "web", "image": "registry.example/shop/web:1", "ready": true, "started": true, "restartCount": 0,
            "imageID": "registry.example/shop/web@sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
            "containerID": "containerd://d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35",
            "state": {"running": {"startedAt": SINCE}},
        }]),
    );
    (format!("/registry/pods/{namespace}/{name}"), object)
}

fn managed_fields() -> Value {
    let fields = json!({
        "f:metadata": {
            "f:generateName": {},
            "f:labels": {".": {}, "f:app": {}, "f:pod-template-hash": {}, "f:version": {}, "f:app.kubernetes.io/part-of": {}},
            "f:ownerReferences": {".": {}, "k:{\"uid\":\"3b1c9a52-0000-4000-8000-000000000000\"}": {}},
        },
        "f:spec": {
            "f:containers": {"k:{\"name\":\"web\"}": {
                ".": {}, "f:image": {}, "f:imagePullPolicy": {}, "f:name": {}, "f:resources": {},
                "f:ports": {".": {}, "k:{\"containerPort\":8080,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}, "f:name": {}, "f:protocol": {}}},
                "f:terminationMessagePath": {}, "f:terminationMessagePolicy": {},
            }},
            "f:dnsPolicy": {}, "f:enableServiceLinks": {}, "f:restartPolicy": {}, "f:schedulerName": {}, "f:serviceAccountName": {},
        },
    });
    json!([{
        "manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1", "time": SINCE,
        "fieldsType": "FieldsV1", "fieldsV1": fields,
    }])
}

fn text(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn set(object: &mut Value, pointer: &str, field: &str, value: Value) {
    if let Some(fields) = object.pointer_mut(pointer).and_then(Value::as_object_mut) {
        fields.insert(field.to_owned(), value);
    }
}
