use serde_json::{Value, json};

use super::*;

fn read(spec: &Value, status: &Value) -> Result<Service, FieldError> {
    let metadata = json!({"name": "api", "namespace": "shop"});
    let object = json!({"metadata": metadata, "spec": spec, "status": status});
    serde_json::from_value::<k8s::Service>(object).unwrap().try_into()
}

fn spec(spec: &Value) -> Result<Service, FieldError> {
    read(spec, &Value::Null)
}

#[test]
fn which_port_of_a_pod() {
    let target = |target: Value| {
        let service = spec(&json!({"ports": [{"port": 80, "targetPort": target}]}))?;
        Ok::<_, FieldError>(service.ports[0].target.clone())
    };
    let number = |port| Ok(TargetPort::Number(port));
    assert_eq!(target(Value::Null), number(80));
    assert_eq!(target(json!(8080)), number(8080));
    assert_eq!(target(json!("http")), Ok(TargetPort::Named("http".to_owned())));
    // As the API server takes them.
    assert_eq!(target(json!(0)), number(80));
    assert_eq!(target(json!("")), number(80));
    for wrong in [json!("8080"), json!("HTTP"), json!(-1), json!(70000)] {
        assert_eq!(target(wrong.clone()).unwrap_err().field, "spec.ports[0].targetPort", "{wrong}");
    }
}

#[test]
fn only_tcp_is_carried_and_a_protocol_is_one_of_three() {
    let ports = |protocol: &str| {
        let service = spec(&json!({"ports": [{"port": 80, "protocol": protocol}]}))?;
        Ok::<_, FieldError>(service.ports.len())
    };
    assert_eq!(["", "TCP", "UDP", "SCTP"].map(ports), [Ok(1), Ok(1), Ok(0), Ok(0)]);
    assert_eq!(ports("tcp").unwrap_err().field, "spec.ports[0].protocol");
}

#[test]
fn session_affinity() {
    let affinity = |text: &str| spec(&json!({"sessionAffinity": text})).map(|service| service.affinity);
    assert_eq!(spec(&json!({})).unwrap().affinity, Affinity::None);
    assert_eq!(affinity("None"), Ok(Affinity::None));
    assert_eq!(affinity("ClientIP"), Ok(Affinity::ClientIp));
    assert_eq!(affinity("Cookie").unwrap_err().field, "spec.sessionAffinity");
}

#[test]
fn addresses_from_outside() {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let balanced = |ingress: Value| {
        read(&json!({"clusterIP": "10.96.0.1"}), &json!({"loadBalancer": {"ingress": ingress}}))
            .map(|service| service.load_balancer_ips)
    };
    assert_eq!(balanced(json!([{"ip": "203.0.113.10"}])), Ok(vec![ip("203.0.113.10")]));
    assert_eq!(balanced(json!([{"ip": "203.0.113.10", "ipMode": "VIP"}])), Ok(vec![ip("203.0.113.10")]));
    assert_eq!(balanced(json!([{"ip": "203.0.113.10", "ipMode": "Proxy"}])), Ok(vec![]));
    assert_eq!(balanced(json!([{"hostname": "lb.example"}])), Ok(vec![]));
    let wrong = balanced(json!([{"hostname": "lb.example"}, {"ip": "lb.example"}]));
    assert_eq!(wrong.unwrap_err().field, "status.loadBalancer.ingress[1].ip");

    let external = |cluster_ip: &str, ips: Value| {
        spec(&json!({"clusterIP": cluster_ip, "externalIPs": ips})).map(|service| service.external_ips)
    };
    assert_eq!(external("10.96.0.1", json!(["203.0.113.11"])), Ok(vec![ip("203.0.113.11")]));
    assert_eq!(external("None", json!(["203.0.113.11"])), Ok(vec![]), "kube-proxy passes it over");
    assert_eq!(external("10.96.0.1", json!(["127.0.0.1"])).unwrap_err().field, "spec.externalIPs[0]");
}
