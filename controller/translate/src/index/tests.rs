//! * [`history`] – any sequence of deltas gives what its end gives

mod history;

use std::sync::Arc;

use karez_api::identity::Identity;
use karez_api::names::type_url;
use karez_resources::manifest::{self, Reading};
use karez_resources::{Key, Kind, Problem, Resource};

use super::*;
use crate::pods::Entitlement;
use crate::report::Effect;

fn resource(text: &str) -> Resource {
    match manifest::read(text.as_bytes()).pop() {
        Some(Reading::Good(resource)) => *resource,
        other => panic!("{other:?}: {text}"),
    }
}

fn set(text: &str) -> Delta {
    Delta::set(resource(text))
}

fn pod(name: &str, more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{app: {name}}}}}\n{more}\n"
    )
}

fn service(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\n\
         spec: {{clusterIP: 10.96.0.1, selector: {{app: {name}}}, ports: [{{port: 80}}]}}\n"
    )
}

fn policy(spec: &str) -> String {
    format!(
        "apiVersion: karez.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {{name: web, namespace: shop}}\nspec: {spec}\n"
    )
}

fn namespace(label: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, labels: {{karez.dev/mesh: {label}}}}}\n"
    )
}

fn unreadable(kind: Kind, namespace: &str, name: &str) -> Delta {
    let problem = Problem {
        kind: kind.to_string(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        field: "spec".to_owned(),
        line: None,
        message: "cannot be read".to_owned(),
    };
    Delta::unreadable(Key::new(kind, namespace, name), problem, None)
}

/// Names of what is set and of what is removed.
fn names(changes: &Changes) -> (Vec<&str>, Vec<&str>) {
    (
        changes.set.iter().map(|(name, _)| &*name.name).collect(),
        changes.removed.iter().map(|it| &*it.name).collect(),
    )
}

#[test]
fn nobody_is_in_a_mesh_that_is_being_uninstalled() {
    let own_namespace = Some("mesh".to_owned());
    let mut index = Index::new(Options { own_namespace, ..Options::default() });
    let namespace = "apiVersion: v1\nkind: Namespace\n\
         metadata: {name: shop, labels: {karez.dev/mesh: enabled}, annotations: {karez.dev/mtls: strict}}\n";
    let pod = pod("web", "spec: {nodeName: n1, serviceAccountName: web}\nstatus: {podIP: 10.0.0.1}");
    let controllers = |namespace: &str, uninstalling: bool| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: karez-controller, namespace: {namespace}, \
             annotations: {{karez.dev/uninstalling: '{uninstalling}'}}}}\nspec: {{clusterIP: 10.96.0.9}}\n"
        )
    };
    index.apply([set(namespace), set(&pod), set(&controllers("mesh", false))]);
    let enrolled = index.resources();
    let is_enrolled = |index: &Index| index.pods().iter().any(|pod| pod.enrolled);
    assert!(is_enrolled(&index));
    index.apply([set(&controllers("shop", true))]);
    assert!(is_enrolled(&index), "another Service of that name");
    index.apply([Delta::Gone(Key::new(Kind::Service, "shop", "karez-controller"))]);

    let changes = index.apply([set(&controllers("mesh", true))]);
    assert!(!is_enrolled(&index));
    let (set_names, removed) = names(&changes);
    assert!(
        set_names.contains(&"Kubernetes//Pod/shop/web") && set_names.contains(&"n1/shop/web"),
        "{set_names:?}"
    );
    assert_eq!(removed, ["shop/karez-strict-mtls"]);
    let mut anew = Index::new(index.options.clone());
    anew.apply([set(namespace), set(&pod), set(&controllers("mesh", true))]);
    assert_eq!(index.resources(), anew.resources());

    index.apply([set(&controllers("mesh", false))]);
    assert_eq!(index.resources(), enrolled);
}

#[test]
fn a_mesh_has_settings_before_anybody_wrote_them() {
    let mut index = Index::default();
    assert_eq!(names(&index.apply([])), (vec!["default"], vec![]));
    assert_eq!(index.apply([]), Changes::default());
    index.load([set(&namespace("enabled"))]);
    assert_eq!(names(&index.apply([])), (vec!["shop"], vec![]), "what was loaded is computed");
}

#[test]
fn a_delta_changes_what_it_touches_and_nothing_else() {
    let mut index = Index::default();
    let web = |ip: &str| set(&pod("web", &format!("status: {{podIP: {ip}}}")));
    index.apply([
        set(&namespace("enabled")),
        web("10.0.0.1"),
        set(&pod("db", "status: {podIP: 10.0.0.2}")),
        set(&service("web")),
    ]);
    let workload = "Kubernetes//Pod/shop/web";
    assert_eq!(names(&index.apply([web("10.0.0.3")])), (vec![workload], vec![]));
    assert_eq!(index.apply([web("10.0.0.3")]), Changes::default());
    let selected = set(&policy("{selector: {matchLabels: {app: web}}}"));
    assert_eq!(names(&index.apply([selected])), (vec!["shop/web", workload], vec![]));
    assert_eq!(names(&index.apply([set(&policy("{}"))])), (vec!["shop/web", workload], vec![]));
    let gone = Delta::Gone(Key::new(Kind::Pod, "shop", "web"));
    assert_eq!(names(&index.apply([gone])), (vec![], vec![workload]));
}

#[test]
fn permissive_ports_of_a_namespace_change_the_pods_that_have_none_of_their_own() {
    let mut index = Index::default();
    let shop = |ports: &str| {
        let text = format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, annotations: {{karez.dev/permissive-ports: '{ports}'}}}}\n"
        );
        set(&text)
    };
    let own = "apiVersion: v1\nkind: Pod\nmetadata: {name: own, namespace: shop, annotations: {karez.dev/permissive-ports: '1'}}\n";
    index.apply([shop("8443"), set(&pod("web", "")), set(own)]);
    assert_eq!(names(&index.apply([shop("9090")])), (vec!["Kubernetes//Pod/shop/web"], vec![]));
    assert_eq!(index.apply([shop("9090,9090")]), Changes::default());
    assert!(index.problems().is_empty());
    assert_eq!(names(&index.apply([shop("x")])), (vec!["Kubernetes//Pod/shop/web"], vec![]));
    assert_eq!(index.problems()[0].effect, Effect::Stricter);
}

#[test]
fn an_unreadable_object_keeps_what_it_was_set_to_and_else_refuses() {
    let mut index = Index::default();
    index.apply([set(&policy("{action: Deny, rules: [{}]}"))]);
    let before = index.resources();
    let broken = || unreadable(Kind::AuthorizationPolicy, "shop", "web");
    let changes = index.apply([broken()]);
    assert_eq!((names(&changes), changes.problems), ((vec![], vec![]), true));
    assert_eq!(index.problems()[0].effect, Effect::LastGoodVersion);
    index.apply([Delta::Gone(broken().key()), broken()]);
    assert_ne!(index.resources(), before);
    assert_eq!(index.problems()[0].effect, Effect::Refused);
    let changes = index.apply([Delta::Gone(broken().key())]);
    assert_eq!((names(&changes), changes.problems), ((vec![], vec!["shop/web"]), true));
    assert!(index.problems().is_empty());
}

#[test]
fn an_unreadable_object_that_was_never_seen_good_is_what_its_status_keeps() {
    let kept = || resource(&policy("{action: Deny, rules: [{}]}"));
    let mut seen = Index::default();
    seen.apply([Delta::set(kept()), unreadable(Kind::AuthorizationPolicy, "shop", "web")]);
    let Delta::Unreadable { key, mut broken, file } = unreadable(Kind::AuthorizationPolicy, "shop", "web")
    else {
        panic!("readable")
    };
    broken.last_good = Some(Arc::new(kept()));
    let brought = Delta::Unreadable { key, broken, file };
    let mut started = Index::default();
    started.apply([brought.clone()]);
    assert_eq!(started.resources(), seen.resources());
    assert_eq!(started.problems()[0].effect, Effect::LastGoodVersion);
    // Who has seen a newer one keeps that.
    let mut newer = Index::default();
    newer.apply([set(&policy("{action: Deny}"))]);
    let before = newer.resources();
    newer.apply([brought]);
    assert_eq!(newer.resources(), before);
}

#[test]
fn what_a_namespace_with_an_unknown_word_does_follows_from_it_alone() {
    let web = || set(&pod("web", "spec: {nodeName: n1}"));
    let fresh = |label: &str| {
        let mut index = Index::default();
        index.apply([web(), set(&namespace(label))]);
        index
    };
    let mut edited = fresh("disabled");
    edited.apply([set(&namespace("yes-please"))]);
    let started = fresh("yes-please");
    assert_eq!(edited.resources(), started.resources());
    assert!(started.pods().iter().all(|pod| pod.enrolled));
    let problems = started.problems();
    assert_eq!(problems, edited.problems());
    assert_eq!(problems[0].problem.field, "metadata.labels[karez.dev/mesh]");
    assert_eq!(problems[0].effect, Effect::Stricter);
}

#[test]
fn a_pod_with_an_unknown_word_gives_its_address_up_with_its_end() {
    let labelled = |name: &str, status: &str| {
        set(&pod(name, status).replace("labels: {", "labels: {karez.dev/mesh: \"off\", "))
    };
    let mut index = Index::default();
    index.apply([labelled("old", "status: {podIP: 10.0.0.1}")]);
    assert_eq!(index.problems()[0].effect, Effect::Stricter);
    index.apply([labelled("old", "status: {phase: Succeeded, podIP: 10.0.0.1}")]);
    index.apply([set(&pod("next", "status: {podIP: 10.0.0.1}"))]);
    assert!(index.problems().is_empty(), "{:?}", index.problems());
}

#[test]
fn the_file_of_a_report_is_the_object_s() {
    let mut index = Index::default();
    let in_file = |file: &str| Delta::Set {
        resource: Arc::new(resource(&policy("{targetRefs: [{kind: Service, name: web}]}"))),
        file: Some(file.into()),
    };
    index.apply([in_file("a.yaml")]);
    let changes = index.apply([in_file("b.yaml")]);
    assert_eq!((names(&changes), changes.problems), ((vec![], vec![]), true));
    assert_eq!(index.problems()[0].source, "b.yaml");
}

#[test]
fn an_agent_is_told_of_its_node_s_pods() {
    let options = Options { own_namespace: Some("karez-system".to_owned()), ..Options::default() };
    let mut index = Index::new(options);
    let with_uid = |text: String, uid: &str| text.replace("namespace:", &format!("uid: {uid}, namespace:"));
    let on_node = "spec: {nodeName: n1, serviceAccountName: karez-node}\nstatus: {podIP: 10.0.0.1}";
    index.apply([
        set(&namespace("enabled")),
        set(&with_uid(pod("web", on_node), "u-1")),
        set(&pod("db", on_node)),
        set(&with_uid(pod("proxy", on_node), "u-2").replace("namespace: shop", "namespace: karez-system")),
        set(&pod("unbound", "")),
        set(&pod("done", "spec: {nodeName: n1}\nstatus: {phase: Failed}")),
    ]);
    let local = |index: &Index| {
        let resources = index.resources();
        let local = resources.iter().filter(|(name, _)| name.type_url == type_url::LOCAL_POD);
        let tell = |(name, body): (&ResourceName, &Bytes)| {
            let pod: karez_api::node::LocalPod = prost::Message::decode(&body[..]).unwrap();
            format!("{} {}/{} {} {}", name.name, pod.namespace, pod.name, pod.enrolled, pod.node_proxy)
        };
        local.map(tell).collect::<Vec<_>>()
    };
    assert_eq!(
        local(&index),
        [
            "n1/shop/db shop/db true false",
            "n1/u-1 shop/web true false",
            "n1/u-2 karez-system/proxy false true",
        ]
    );
    // Made anew under the same name, it is another.
    let changes = index.apply([set(&with_uid(pod("web", on_node), "u-3"))]);
    assert_eq!(names(&changes), (vec!["n1/u-3"], vec!["n1/u-1"]));
    index.apply([set(&namespace("disabled"))]);
    assert_eq!(local(&index)[0], "n1/shop/db shop/db false false");
}

#[test]
fn of_two_pods_of_one_uid_an_agent_is_told_of_neither() {
    let of_uid =
        |name: &str| set(&pod(name, "spec: {nodeName: n1}").replace("namespace:", "uid: u-1, namespace:"));
    let local =
        |index: &Index| index.resources().keys().filter(|name| name.type_url == type_url::LOCAL_POD).count();
    let mut index = Index::default();
    index.apply([of_uid("web")]);
    assert_eq!(local(&index), 1);
    index.apply([of_uid("db")]);
    assert_eq!(local(&index), 0);
    let problems = index.problems();
    assert_eq!(problems.iter().map(|it| &*it.problem.name).collect::<Vec<_>>(), ["db", "web"]);
    assert!(problems.iter().all(|it| it.problem.field == "metadata.uid"));
    index.apply([Delta::Gone(Key::new(Kind::Pod, "shop", "db"))]);
    assert_eq!(local(&index), 1);
}

#[test]
fn a_node_is_entitled_to_an_identity_while_a_live_pod_of_the_mesh_has_it_there() {
    let mut index = Index::default();
    let outside = pod("outside", "spec: {nodeName: n1, serviceAccountName: f}");
    index.apply([
        set(&pod("running", "spec: {nodeName: n1, serviceAccountName: a}")),
        set(&pod("pending", "spec: {nodeName: n1, serviceAccountName: b}\nstatus: {phase: Pending}")),
        set(&pod("done", "spec: {nodeName: n1, serviceAccountName: c}\nstatus: {phase: Succeeded}")),
        set(&pod("failed", "spec: {nodeName: n1, serviceAccountName: d}\nstatus: {phase: Failed}")),
        set(&pod("unbound", "spec: {serviceAccountName: e}")),
        set(&outside.replace("labels: {", "labels: {karez.dev/mesh: disabled, ")),
        set(&pod("on-the-host", "spec: {nodeName: n1, serviceAccountName: g, hostNetwork: true}")),
    ]);
    let on = |index: &Index, trust_domain: &str, namespace: &str, account: &str, node: &str| {
        index.pods().entitlement(&Identity::new(trust_domain, namespace, account).unwrap(), node)
    };
    let outside = |name: &str| Entitlement::OutsideMesh { pod: format!("shop/{name}") };
    assert_eq!(on(&index, "cluster.local", "shop", "a", "n1"), outside("running"));
    index.apply([set(&namespace("enabled"))]);
    let cases = [
        ("cluster.local", "shop", "a", "n1", Entitlement::Entitled),
        ("cluster.local", "shop", "b", "n1", Entitlement::Entitled),
        ("cluster.local", "shop", "c", "n1", Entitlement::NoPod),
        ("cluster.local", "shop", "d", "n1", Entitlement::NoPod),
        ("cluster.local", "shop", "e", "n1", Entitlement::NoPod),
        ("cluster.local", "shop", "f", "n1", outside("outside")),
        ("cluster.local", "shop", "g", "n1", outside("on-the-host")),
        ("cluster.local", "shop", "a", "n2", Entitlement::NoPod),
        ("cluster.local", "other", "a", "n1", Entitlement::NoPod),
        ("other.domain", "shop", "a", "n1", Entitlement::NoPod),
    ];
    for (trust_domain, namespace, account, node, expected) in cases {
        assert_eq!(on(&index, trust_domain, namespace, account, node), expected, "{account} on {node}");
    }
    // A namespace that never could be read is taken for one of the mesh.
    let key = Key::new(Kind::Namespace, "", "shop");
    index.apply([Delta::Gone(key), unreadable(Kind::Namespace, "", "shop")]);
    assert_eq!(on(&index, "cluster.local", "shop", "a", "n1"), Entitlement::Entitled);
    // A look that was taken before stays as it was.
    let before = index.pods().clone();
    index.apply([Delta::Gone(Key::new(Kind::Pod, "shop", "running"))]);
    assert_eq!(on(&index, "cluster.local", "shop", "a", "n1"), Entitlement::NoPod);
    assert_eq!((before.len(), index.pods().len()), (5, 4));
}

#[test]
fn a_pod_without_a_service_account_is_nobody_whatever_its_labels_say() {
    let mirror = pod("static", "spec: {nodeName: n1}\nstatus: {phase: Pending}").replace(
        "labels: {",
        "annotations: {kubernetes.io/config.mirror: 0123456789abcdef0123456789abcdef}, labels: {karez.dev/mesh: enabled, ",
    );
    let mut index = Index::default();
    index.apply([set(&namespace("enabled")), set(&mirror)]);
    let default = Identity::new("cluster.local", "shop", "default").unwrap();
    assert_eq!(index.pods().entitlement(&default, "n1"), Entitlement::NoPod);
    let placement = index.pods().iter().next().unwrap();
    assert_eq!((&placement.identity, placement.enrolled), (&None, false));
    assert_eq!(index.problems()[0].problem.field, "spec.serviceAccountName");
}

#[test]
fn the_clusters_ranges_of_services_are_the_meshs_too() {
    use karez_api::settings::MeshSettings;
    let cidr = "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: kubernetes}\nspec: {cidrs: [10.96.0.0/16]}\n";
    let mesh = "apiVersion: karez.dev/v1alpha1\nkind: Mesh\nmetadata: {name: default}\nspec: {addressRanges: [10.244.0.0/16]}\n";
    let ranges = |index: &Index| {
        let resources = index.resources();
        let settings = resources.iter().find(|(name, _)| name.type_url == type_url::MESH).unwrap();
        <MeshSettings as prost::Message>::decode(settings.1.clone()).unwrap().address_ranges
    };
    let mut index = Index::default();
    index.apply([set(cidr)]);
    assert_eq!(ranges(&index), ["10.96.0.0/16"]);
    index.apply([set(mesh)]);
    assert_eq!(ranges(&index), ["10.244.0.0/16", "10.96.0.0/16"]);
    index.apply([Delta::Gone(Key::new(Kind::ServiceCidr, "", "kubernetes"))]);
    assert_eq!(ranges(&index), ["10.244.0.0/16"]);
}

#[test]
fn a_pod_is_in_the_zone_of_its_node_unless_its_labels_say_otherwise() {
    use karez_api::workload::{Address, address};
    let node = |zone: &str| {
        format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{name: n1, labels: {{topology.kubernetes.io/zone: {zone}}}}}\n"
        )
    };
    let zone = |index: &Index| {
        let resources = index.resources();
        let workload = resources.iter().find(|(name, _)| name.name.ends_with("shop/web")).unwrap();
        match <Address as prost::Message>::decode(workload.1.clone()).unwrap().r#type {
            Some(address::Type::Workload(workload)) => workload.locality.map(|it| it.zone),
            other => panic!("{other:?}"),
        }
    };
    let mut index = Index::default();
    index.apply([set(&pod("web", "spec: {nodeName: n1}"))]);
    assert_eq!(zone(&index), None);
    index.apply([set(&node("a"))]);
    assert_eq!(zone(&index).as_deref(), Some("a"));
    index.apply([set(&node("b"))]);
    assert_eq!(zone(&index).as_deref(), Some("b"));
    index.apply([Delta::Gone(Key::new(Kind::Node, "", "n1"))]);
    assert_eq!(zone(&index), None);
}
