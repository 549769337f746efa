//! What the tests run: nginx, which answers with its Pod's name, and Pods that sleep until they are told to run curl.

use serde_json::{Value, json};

const IMAGE: &str = "localhost/workload:1";
const NGINX: &[&str] = &["nginx", "-c", "/etc/nginx/nginx.conf", "-g", "daemon off;"];
/// gRPC's answer to a health check, in printf's words: a frame with HealthCheckResponse{status: SERVING}.
const HEALTHY: &str = r"\000\000\000\000\002\010\001";
/// Whatever file is asked for on port 9000, the error page is the answer.
const PROBED_CONFIG: &str = r"daemon off; user root; pid /tmp/nginx.pid; error_log /dev/stderr; events { }
http {
    access_log /dev/stdout combined;
    client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi; scgi_temp_path /tmp/scgi;
    uwsgi_temp_path /tmp/uwsgi;
    server { listen 80; location / { return 200; } }
    server {
        listen 9000 http2;
        root /tmp;
        default_type application/grpc;
        add_trailer grpc-status 0;
        error_page 404 =200 /healthy;
    }
}";
/// New connections come until every node has heard that the Pod ends; then nginx finishes what it has.
const END_NGINX: &str = "sleep 3; nginx -c /etc/nginx/nginx.conf -s quit; sleep 2";

/// A Pod that serves HTTP on port 80, on the given node.
pub(crate) fn server(name: &str, node: &str) -> Value {
    server_of(name, name, node)
}

/// The same, one of those behind the Service `service`.
pub(crate) fn server_of(service: &str, name: &str, node: &str) -> Value {
    pod_of(service, name, node, &[main(NGINX)])
}

/// Pods that do so, wherever they are put, and end without a failed request where nothing else fails them.
pub(crate) fn deployment(name: &str, replicas: usize) -> Value {
    let container = json!({
        "name": "main",
        "image": IMAGE,
        "command": NGINX,
        "readinessProbe": {"tcpSocket": {"port": 80}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", END_NGINX]}}},
    });
    deployment_of(name, replicas, &json!({"containers": [container]}))
}

/// A Pod that serves HTTP on port 80 and gRPC's health checks on port 9000, and has readiness probes of every kind over the
/// network. Its container `web` logs the requests for HTTP.
pub(crate) fn probed(name: &str, node: &str) -> Value {
    let serve = format!(
        "printf '{HEALTHY}' >/tmp/healthy; printf '{PROBED_CONFIG}' >/tmp/conf; exec nginx -c /tmp/conf"
    );
    let container = |name: &str, script: &str, probe: Value| json!({"name": name, "image": IMAGE, "command": ["sh", "-c", script], "readinessProbe": probe});
    let sleep = "exec sleep infinity";
    let containers = [
        container("web", &serve, json!({"periodSeconds": 1, "httpGet": {"port": 80, "path": "/"}})),
        container("tcp", sleep, json!({"periodSeconds": 1, "tcpSocket": {"port": 80}})),
        container("grpc", sleep, json!({"periodSeconds": 1, "grpc": {"port": 9000}})),
    ];
    pod_of(name, name, node, &containers)
}

/// A Job whose only process runs the command once.
pub(crate) fn job(name: &str, command: &[&str]) -> Value {
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {
            "backoffLimit": 0,
            "template": {"spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "main", "image": IMAGE, "command": command}],
            }},
        },
    })
}

/// Pods that serve HTTP on port 80 and keep their names, behind a headless Service of the same name.
pub(crate) fn stateful(name: &str, replicas: usize) -> [Value; 2] {
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"clusterIP": "None", "selector": {"app": name}, "ports": [{"port": 80}]},
    });
    let stateful_set = json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name},
        "spec": {
            "serviceName": name,
            "replicas": replicas,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "terminationGracePeriodSeconds": 0,
                    "containers": [{"name": "main", "image": IMAGE, "command": NGINX}],
                },
            },
        },
    });
    [service, stateful_set]
}

/// The Pod under another service account.
pub(crate) fn under(account: &str, mut pod: Value) -> Value {
    if let Some(spec) = pod.pointer_mut("/spec").and_then(Value::as_object_mut) {
        spec.insert("serviceAccountName".to_owned(), json!(account));
    }
    pod
}

/// Pods whose first process asks for a URL at once, and logs the answer's status and after how many seconds it was whole.
pub(crate) fn callers(name: &str, replicas: usize, url: &str) -> Value {
    let curl = format!(
        "curl --silent --show-error --max-time 10 --output /dev/null --write-out '%{{http_code}} %{{time_total}}\\n' {url}; \
         exec sleep infinity"
    );
    let spec = json!({"terminationGracePeriodSeconds": 0, "containers": [main(&["sh", "-c", &curl])]});
    deployment_of(name, replicas, &spec)
}

/// A Pod that does nothing by itself.
pub(crate) fn client(name: &str, node: &str) -> Value {
    pod_of(name, name, node, &[main(&["sleep", "infinity"])])
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

fn deployment_of(name: &str, replicas: usize, pod_spec: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "strategy": {"rollingUpdate": {"maxUnavailable": 0}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod_spec},
        },
    })
}

fn main(command: &[&str]) -> Value {
    json!({"name": "main", "image": IMAGE, "command": command})
}

fn pod_of(app: &str, name: &str, node: &str, containers: &[Value]) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": app}},
        "spec": {"nodeName": node, "terminationGracePeriodSeconds": 0, "containers": containers},
    })
}
