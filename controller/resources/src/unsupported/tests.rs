use serde_json::{Value, json};

use super::*;

fn fields(told: Vec<Unsupported>) -> Vec<&'static str> {
    told.into_iter().map(|told| told.field).collect()
}

fn service(metadata: &Value, spec: &Value) -> Vec<&'static str> {
    let status = json!({"loadBalancer": {"ingress": [{"ip": "203.0.113.10"}]}});
    let object = json!({"metadata": metadata, "spec": spec, "status": status});
    fields(of_service(&serde_json::from_value(object).unwrap()))
}

#[test]
fn fields_that_work_and_those_of_others_are_not_told() {
    let spec = json!({
        "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"], "type": "LoadBalancer",
        "externalIPs": ["203.0.113.11"], "externalTrafficPolicy": "Local", "healthCheckNodePort": 30001,
        "internalTrafficPolicy": "Local", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
        "loadBalancerClass": "example/lb", "allocateLoadBalancerNodePorts": true,
        "ports": [{"port": 80, "nodePort": 30000, "appProtocol": "http"}, {"port": 53, "protocol": "UDP"}],
        "publishNotReadyAddresses": true, "selector": {"app": "api"}, "trafficDistribution": "PreferClose",
        "sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}},
        "loadBalancerSourceRanges": [],
    });
    assert!(service(&json!({"name": "api"}), &spec).is_empty());
    let headless = json!({"clusterIP": "None"});
    let alias = json!({"type": "ExternalName", "externalName": "example.org"});
    assert!([headless, alias].into_iter().all(|spec| service(&json!({"name": "api"}), &spec).is_empty()));
}

#[test]
fn what_a_service_asks_for_in_vain_is_told() {
    let topology = "metadata.annotations[service.kubernetes.io/topology-mode]";
    let timeout = json!({"clientIP": {"timeoutSeconds": 60}});
    let table: [(Value, &str); 5] = [
        (json!({"ports": [{"port": 80}]}), "spec.clusterIP"),
        (json!({"clusterIP": "", "clusterIPs": []}), "spec.clusterIP"),
        (json!({"clusterIP": "10.96.0.1", "trafficDistribution": "Nearest"}), "spec.trafficDistribution"),
        (
            json!({"clusterIP": "10.96.0.1", "loadBalancerSourceRanges": ["10.0.0.0/8"]}),
            "spec.loadBalancerSourceRanges",
        ),
        (
            json!({"clusterIP": "10.96.0.1", "sessionAffinity": "ClientIP", "sessionAffinityConfig": timeout}),
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
        ),
    ];
    for (spec, field) in table {
        assert_eq!(service(&json!({"name": "api"}), &spec), [field], "{spec}");
    }
    let annotated = json!({"name": "api", "annotations": {"service.kubernetes.io/topology-mode": "Auto"}});
    assert_eq!(service(&annotated, &json!({"clusterIP": "10.96.0.1"})), [topology]);
}

#[test]
fn what_a_pod_and_a_slice_say_in_vain_is_told() {
    let pod = |label: &str, host_network: bool| {
        let metadata = json!({"name": "api", "labels": {"karez.dev/mesh": label}});
        let spec = json!({"containers": [], "hostNetwork": host_network});
        let object = json!({"metadata": metadata, "spec": spec});
        fields(of_pod(&serde_json::from_value(object).unwrap()))
    };
    assert_eq!(pod("enabled", true), ["metadata.labels[karez.dev/mesh]"]);
    assert!(pod("disabled", true).is_empty() && pod("enabled", false).is_empty());
    let slice = |kind: &str| {
        let object = json!({"metadata": {"name": "api"}, "addressType": kind, "endpoints": []});
        fields(of_endpoint_slice(&serde_json::from_value(object).unwrap()))
    };
    assert_eq!(slice("FQDN"), ["addressType"]);
    assert!(slice("IPv6").is_empty());
}
