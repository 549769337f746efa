use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn pod(name: &str, spec: &Value) -> Pod {
    object(json!({"metadata": {"name": name, "namespace": "shop", "labels": {"app": name}}, "spec": spec}))
}

fn survey(pods: Vec<Pod>) -> Survey {
    let shop = json!({"metadata": {"name": "shop", "labels": {"karez.dev/mesh": "enabled"}}});
    Survey {
        namespaces: vec![object(shop)],
        pods,
        own_namespace: "karez-system".to_owned(),
        ..Survey::default()
    }
}

#[test]
fn a_network_policy_that_admits_no_tunnel_is_named() {
    let policies = vec![object(json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": {}}))];
    let pods = ["a", "b", "c", "d", "e"].map(|name| pod(name, &json!({"containers": []})));
    let found = findings(&Survey { policies, ..survey(pods.to_vec()) });
    let words: Vec<String> = found.iter().map(ToString::to_string).collect();
    let expected =
        "NetworkPolicy shop/web: admits nobody to TCP 15008 of Pod shop/a, shop/b, shop/c and 2 more";
    assert!(matches!(&words[..], [only] if only.starts_with(expected)), "{words:?}");
}

#[test]
fn what_agents_say_is_a_finding_of_their_node() {
    let controller = json!({"metadata": {"name": "karez-controller"}, "status": {"readyReplicas": 1}});
    let survey = Survey {
        deployments: vec![object(controller)],
        definitions: DEFINITIONS.map(str::to_owned).to_vec(),
        agents: vec![
            ("n1".to_owned(), Ok("karez_agent_pods_missing 2\n".to_owned())),
            ("n2".to_owned(), Err("forbidden".to_owned())),
        ],
        ..survey(Vec::new())
    };
    let words: Vec<String> = findings(&survey).iter().map(ToString::to_string).collect();
    let [first, second] = &words[..] else { panic!("{words:?}") };
    assert!(first.starts_with("Node n1: 2 Pods run there"), "{first}");
    assert!(second.starts_with("Node n2: its agent cannot be asked"), "{second}");
}

#[test]
fn pods_of_the_mesh_on_a_node_without_an_agent_are_named() {
    let controller = json!({"metadata": {"name": "karez-controller"}, "status": {"readyReplicas": 1}});
    let on = |name, node: &str| pod(name, &json!({"nodeName": node, "containers": []}));
    let survey = Survey {
        deployments: vec![object(controller)],
        definitions: DEFINITIONS.map(str::to_owned).to_vec(),
        agents: vec![("n1".to_owned(), Ok(String::new()))],
        ..survey(vec![on("a", "n1"), on("b", "n2"), on("c", "n2"), pod("waits", &json!({"containers": []}))])
    };
    let words: Vec<String> = findings(&survey).iter().map(ToString::to_string).collect();
    let [only] = &words[..] else { panic!("{words:?}") };
    assert!(
        only.starts_with("Node n2: Pod shop/b, shop/c should be in the mesh, and no agent is ready"),
        "{only}"
    );
}

#[test]
fn a_program_of_another_version_is_named() {
    let of = |image: &str| {
        let spec = json!({
            "selector": {}, "template": {"spec": {"containers": [{"name": "a", "image": image}]}}
        });
        let agents = json!({"metadata": {"name": "karez-agent"}, "spec": spec, "status": {
            "numberReady": 1, "desiredNumberScheduled": 1, "currentNumberScheduled": 1, "numberMisscheduled": 0
        }});
        let survey = Survey { daemon_sets: vec![object(agents)], ..survey(Vec::new()) };
        versions(&survey).map(|finding| finding.to_string()).collect::<Vec<_>>()
    };
    for image in [
        "karez-agent",
        "registry:5000/karez-agent",
        &format!("registry:5000/karez-agent:{OWN_VERSION}@sha256:00"),
    ] {
        assert!(of(image).is_empty(), "{image}");
    }
    let found = of("registry:5000/karez-agent:0.0.9");
    assert!(
        matches!(&found[..], [only] if only.starts_with("DaemonSet karez-agent: its image is 0.0.9")),
        "{found:?}"
    );
}

#[test]
fn callers_without_an_identity_are_a_finding_where_strict_mode_refuses_them() {
    let mut scraped = pod("web", &json!({"containers": []}));
    let annotations = [("prometheus.io/scrape", "true"), ("prometheus.io/port", "9090")];
    let owned = annotations.map(|(key, value)| (key.to_owned(), value.to_owned()));
    scraped.metadata.annotations = Some(owned.into());
    let permissive = survey(vec![scraped]);
    assert_eq!(findings(&permissive), []);
    let before = before_strict(&permissive);
    let words = "Namespace shop: strict mode would refuse scrapes by a Prometheus outside of the mesh to port 9090 of Pod \
                 shop/web: name the port in the annotation karez.dev/permissive-ports of the Pods or of the namespace";
    assert_eq!(before.iter().map(ToString::to_string).collect::<Vec<_>>(), [words]);
    let strict = Survey { default_mode: Some("strict".to_owned()), ..permissive };
    assert!(matches!(&findings(&strict)[..], [ClusterFinding::CallerRefused(it)] if it.is_strict));
    assert_eq!(before_strict(&strict), []);
}

#[test]
fn pods_that_may_pass_by_the_mesh_are_named_where_they_are_in_it() {
    let raw = json!({"containers": [{"name": "a", "securityContext": {"capabilities": {"add": ["NET_RAW", "CHOWN"]}}}]});
    let found = findings(&survey(vec![pod("web", &raw)]));
    assert!(
        matches!(&found[..], [ClusterFinding::Power { power, .. }] if power == "adds NET_RAW"),
        "{found:?}"
    );
    let mut outside = pod("web", &raw);
    outside.metadata.labels.as_mut().unwrap().insert("karez.dev/mesh".to_owned(), "disabled".to_owned());
    assert_eq!(findings(&survey(vec![outside])), []);
}

#[test]
fn what_is_installed_has_to_be_ready() {
    let controller = json!({"metadata": {"name": "karez-controller"}, "spec": {"replicas": 2, "selector": {}, "template": {}}, "status": {"readyReplicas": 1}});
    let survey = Survey {
        deployments: vec![object(controller)],
        definitions: vec!["meshes.karez.dev".to_owned()],
        ..survey(Vec::new())
    };
    let found: Vec<String> = findings(&survey).iter().map(ToString::to_string).collect();
    assert!(found[0].contains("authorizationpolicies.karez.dev: missing"), "{found:?}");
    assert!(found[1].starts_with("Deployment karez-controller: 1 of 2"), "{found:?}");
}

#[test]
fn a_program_that_wants_no_pod_is_named() {
    let controller = json!({"metadata": {"name": "karez-controller"}, "spec": {"replicas": 0, "selector": {}, "template": {}}});
    let found = findings(&Survey { deployments: vec![object(controller)], ..survey(Vec::new()) });
    let words: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(
        words.iter().any(|it| it.starts_with("Deployment karez-controller: no Pod of it is wanted")),
        "{words:?}"
    );
}

#[test]
fn kernels_are_compared_by_number() {
    for (text, expected) in
        [("6.18.0-generic", Some((6, 18))), ("5.4.0", Some((5, 4))), ("", None), ("x", None)]
    {
        assert_eq!(version(text), expected, "{text}");
    }
}
