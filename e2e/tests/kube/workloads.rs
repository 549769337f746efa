//! What the tests run: nginx, which answers with its Pod's name, and Pods that sleep until they are told to run curl.

use serde_json::{Value, json};

const IMAGE: &str = "localhost/workload:1";
const NGINX: &[&str] = &["nginx", "-c", "/etc/nginx/nginx.conf", "-g", "daemon off;"];
/// New connections come until every node has heard that the Pod ends; then nginx finishes what it has.
const END_NGINX: &str = "sleep 3; nginx -c /etc/nginx/nginx.conf -s quit; sleep 2";

/// A Pod that serves HTTP on port 80, on the given node.
pub(crate) fn server(name: &str, node: &str) -> Value {
    pod(name, node, NGINX)
}

/// Pods that do so, wherever they are put, and end without a failed request where nothing else fails them.
pub(crate) fn deployment(name: &str, replicas: usize) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "strategy": {"rollingUpdate": {"maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{
                    "name": "main",
                    "image": IMAGE,
                    "command": NGINX,
                    "readinessProbe": {"tcpSocket": {"port": 80}, "periodSeconds": 1},
                    "lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", END_NGINX]}}},
                }]},
            },
        },
    })
}

/// A Pod that does nothing by itself.
pub(crate) fn client(name: &str, node: &str) -> Value {
    pod(name, node, &["sleep", "infinity"])
}

/// A Service for the Pods of that name.
pub(crate) fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80}]},
    })
}

fn pod(name: &str, node: &str, command: &[&str]) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "main", "image": IMAGE, "command": command}],
        },
    })
}
