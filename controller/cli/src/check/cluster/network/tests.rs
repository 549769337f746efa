use serde_json::{Value, json};

use super::*;

const WEB: &str = "shop/web";

/// Policies of namespace `shop`, each with a name.
fn found(policies: &[(&str, Value)], pods: &[&str]) -> Vec<Blocked> {
    let policy = |(name, spec): &(&str, Value)| -> NetworkPolicy {
        serde_json::from_value(json!({"metadata": {"name": name, "namespace": "shop"}, "spec": spec}))
            .unwrap()
    };
    let pod = |name: &&str| -> Pod {
        let metadata = json!({"name": name, "namespace": "shop", "labels": {"app": name}});
        serde_json::from_value(json!({"metadata": metadata, "spec": {"containers": []}})).unwrap()
    };
    let policies: Vec<NetworkPolicy> = policies.iter().map(policy).collect();
    let pods: Vec<Pod> = pods.iter().map(pod).collect();
    blocked(&policies, &pods.iter().collect::<Vec<_>>())
}

fn of(direction: Direction, policies: &[&str], pods: &[&str]) -> Blocked {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Blocked { direction, policies: owned(policies), pods: owned(pods) }
}

#[test]
fn a_policy_has_to_admit_the_port_of_tunnels() {
    let blocks = |ingress: Value| !found(&[("web", json!({"ingress": ingress}))], &["web"]).is_empty();
    for ingress in [
        json!([]),
        json!([{"ports": [{"port": 80}]}]),
        json!([{"ports": [{"port": "http"}]}]),
        json!([{"ports": [{"port": 15008, "protocol": "UDP"}]}]),
    ] {
        assert!(blocks(ingress.clone()), "{ingress}");
    }
    for ingress in [
        json!([{}]),
        json!([{"ports": [{"port": 80}, {"port": 15008}]}]),
        json!([{"ports": [{"protocol": "TCP"}]}]),
        json!([{"ports": [{"port": 15000, "endPort": 15010}]}]),
    ] {
        assert!(!blocks(ingress.clone()), "{ingress}");
    }
}

#[test]
fn both_directions_are_judged() {
    let web_alone = json!([{"ports": [{"port": 80}]}]);
    for (spec, expected) in [
        (json!({"policyTypes": ["Egress"]}), vec![Direction::Egress]),
        (json!({"policyTypes": ["Egress"], "egress": [{"ports": [{"port": 15008}]}]}), vec![]),
        (json!({"policyTypes": ["Ingress", "Egress"]}), vec![Direction::Ingress, Direction::Egress]),
        (json!({"egress": web_alone}), vec![Direction::Ingress, Direction::Egress]),
        (json!({"ingress": [{}], "egress": web_alone}), vec![Direction::Egress]),
        (json!({"policyTypes": ["Ingress"], "ingress": [{}], "egress": []}), vec![]),
    ] {
        let directions: Vec<Direction> =
            found(&[("web", spec.clone())], &["web"]).iter().map(|it| it.direction).collect();
        assert_eq!(directions, expected, "{spec}");
    }
}

#[test]
fn policies_of_one_pod_add_up() {
    let deny = ("deny", json!({}));
    let tunnels = ("tunnels", json!({"ingress": [{"ports": [{"port": 15008}]}]}));
    assert_eq!(found(&[deny.clone(), tunnels], &["web"]), []);

    let other = ("http", json!({"ingress": [{"ports": [{"port": 80}]}]}));
    let blocked = of(Direction::Ingress, &["shop/deny", "shop/http"], &[WEB, "shop/db"]);
    assert_eq!(found(&[deny, other], &["web", "db"]), [blocked]);
}

#[test]
fn only_selected_pods_are_isolated() {
    for (selector, expected) in [
        (json!({"matchLabels": {"app": "web"}}), vec![WEB]),
        (
            json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}),
            vec!["shop/db"],
        ),
        (json!({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}), vec![]),
    ] {
        let blocked = found(&[("it", json!({"podSelector": selector}))], &["web", "db"]);
        let pods: Vec<&str> = blocked.iter().flat_map(|it| &it.pods).map(String::as_str).collect();
        assert_eq!(pods, expected, "{selector}");
    }
}
