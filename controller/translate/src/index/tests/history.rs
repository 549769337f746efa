//! The oracle of the index: whatever deltas came, in whatever batches, it says what it would say had it been given the end of
//! it all at once; and who has followed the changes has just that.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What is known of each object at last.
#[derive(Debug, Clone, Default)]
struct Known {
    good: Option<Delta>,
    broken: Option<Delta>,
}

type World = BTreeMap<Key, Known>;

fn note(world: &mut World, delta: &Delta) {
    let known = world.entry(delta.key()).or_default();
    match delta {
        Delta::Set { .. } => *known = Known { good: Some(delta.clone()), broken: None },
        Delta::Unreadable { .. } => known.broken = Some(delta.clone()),
        Delta::Gone(_) => *known = Known::default(),
    }
}

/// An index that was given the end at once.
fn from_nothing(world: &World) -> Index {
    let mut index = Index::default();
    index.apply(world.values().flat_map(|known| [&known.good, &known.broken]).flatten().cloned());
    index
}

const NAMESPACES: &[&str] = &["shop", "bank"];

fn of(choices: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(choices)
}

/// Few addresses, so that they meet: two Pods with one, a Pod and a Service, a node's.
fn address() -> impl Strategy<Value = &'static str> {
    of(&["10.0.0.1", "10.0.0.2", "10.0.0.3", "192.168.0.1", "203.0.113.1"])
}

fn meta(name: &str, namespace: &str, more: &str) -> String {
    format!("metadata: {{name: {name}, namespace: {namespace}{more}}}")
}

fn a_pod() -> impl Strategy<Value = String> {
    let labels = of(&[
        "",
        "app: web",
        "app: web, tier: front",
        "app: db",
        "app: web, karez.dev/mesh: enabled",
        "karez.dev/mesh: disabled",
    ]);
    let state =
        of(&["", "phase: Pending,", "phase: Failed,", "conditions: [{type: Ready, status: 'False'}],"]);
    let node = of(&["", "nodeName: n1,", "nodeName: n2,", "nodeName: n1, hostNetwork: true,"]);
    let uid = of(&[
        "",
        ", uid: u-1",
        ", uid: u-2",
        ", deletionTimestamp: 2024-01-01T00:00:00Z",
        ", annotations: {karez.dev/permissive-ports: '9090'}",
    ]);
    let addresses = prop::collection::vec(address(), 0..3);
    (of(&["a", "b", "c"]), of(NAMESPACES), labels, state, node, uid, addresses).prop_map(
        |(name, namespace, labels, state, node, uid, addresses)| {
            let ips: Vec<String> = addresses.iter().map(|ip| format!("{{ip: {ip}}}")).collect();
            let (meta, ips) = (meta(name, namespace, &format!(", labels: {{{labels}}}{uid}")), ips.join(", "));
            let port = "containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]";
            format!("apiVersion: v1\nkind: Pod\n{meta}\nspec: {{{node} {port}}}\nstatus: {{{state} podIPs: [{ips}]}}\n")
        },
    )
}

fn a_service() -> impl Strategy<Value = String> {
    let selector =
        of(&["", "selector: {app: web},", "selector: {app: web, tier: front},", "selector: {app: db},"]);
    let port = of(&[
        "{port: 80, name: web, targetPort: http}",
        "{port: 80, name: web}",
        "{port: 443, name: web, targetPort: 8443}",
    ]);
    let kind = of(&["", "type: ExternalName, externalName: example.org,", "publishNotReadyAddresses: true,"]);
    let ip = prop_oneof![Just("None"), address()];
    let outside = prop_oneof![Just(String::new()), address().prop_map(|ip| format!("externalIPs: [{ip}],"))];
    (of(&["a", "a-b", "web"]), of(NAMESPACES), selector, port, kind, ip, outside).prop_map(
        |(name, namespace, selector, port, kind, ip, outside)| {
            let meta = meta(name, namespace, "");
            let spec = format!("{kind} {selector} {outside} clusterIP: {ip}, ports: [{port}]");
            format!("apiVersion: v1\nkind: Service\n{meta}\nspec: {{{spec}}}\n")
        },
    )
}

fn a_slice() -> impl Strategy<Value = String> {
    let target = of(&["", ", targetRef: {kind: Pod, name: a}", ", targetRef: {kind: Pod, name: b}"]);
    let conditions = of(&[
        "",
        ", conditions: {ready: false}",
        ", conditions: {ready: false, serving: true, terminating: true}",
    ]);
    let endpoint = (address(), target, conditions)
        .prop_map(|(ip, target, conditions)| format!("{{addresses: [{ip}]{target}{conditions}}}"));
    let service =
        of(&["", ", labels: {kubernetes.io/service-name: a}", ", labels: {kubernetes.io/service-name: web}"]);
    let endpoints = prop::collection::vec(endpoint, 0..3);
    (of(&["s1", "s2"]), of(NAMESPACES), service, of(&["8080", "9090"]), endpoints).prop_map(
        |(name, namespace, service, port, endpoints)| {
            let (meta, endpoints) = (meta(name, namespace, service), endpoints.join(", "));
            format!(
                "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n{meta}\naddressType: IPv4\n\
                 endpoints: [{endpoints}]\nports: [{{name: web, port: {port}}}]\n"
            )
        },
    )
}

fn a_policy() -> impl Strategy<Value = String> {
    let spec = of(&[
        "{}",
        "{action: Deny, rules: [{}]}",
        "{selector: {matchLabels: {app: web}}}",
        "{selector: {matchLabels: {app: web, tier: front}}, rules: [{from: [{source: {principals: ['old.example/ns/a/sa/b']}}]}]}",
        "{targetRefs: [{kind: Service, name: a}]}",
    ]);
    (of(&["p", "q"]), of(NAMESPACES), spec).prop_map(|(name, namespace, spec)| {
        let meta = meta(name, namespace, "");
        format!("apiVersion: karez.dev/v1alpha1\nkind: AuthorizationPolicy\n{meta}\nspec: {spec}\n")
    })
}

fn a_namespace() -> impl Strategy<Value = String> {
    let label = of(&["", "karez.dev/mesh: enabled", "karez.dev/mesh: disabled"]);
    let note = of(&[
        "",
        "karez.dev/mtls: strict",
        "karez.dev/same-node: direct",
        "karez.dev/mtls: strict, karez.dev/permissive-ports: '8443'",
        "karez.dev/permissive-ports: '9090,x'",
    ]);
    (of(NAMESPACES), label, note).prop_map(|(name, label, note)| {
        let meta = format!("metadata: {{name: {name}, labels: {{{label}}}, annotations: {{{note}}}}}");
        format!("apiVersion: v1\nkind: Namespace\n{meta}\n")
    })
}

fn a_mesh() -> impl Strategy<Value = String> {
    let spec = of(&[
        "{}",
        "{mtls: strict}",
        "{sameNode: direct}",
        "{trustDomain: old.example}",
        "{clusterDomain: other.local}",
        "{addressRanges: [10.0.0.0/30]}",
        "{addressRanges: [192.168.0.0/16], mtls: strict}",
    ]);
    spec.prop_map(|spec| {
        format!("apiVersion: karez.dev/v1alpha1\nkind: Mesh\nmetadata: {{name: default}}\nspec: {spec}\n")
    })
}

fn a_node() -> impl Strategy<Value = String> {
    let labels = of(&["", "topology.kubernetes.io/zone: a", "topology.kubernetes.io/region: b"]);
    (of(&["n1", "n2"]), labels).prop_map(|(name, labels)| {
        format!("apiVersion: v1\nkind: Node\nmetadata: {{name: {name}, labels: {{{labels}}}}}\n")
    })
}

fn a_service_cidr() -> impl Strategy<Value = String> {
    (of(&["one", "two"]), of(&["10.0.0.0/31", "203.0.113.0/24"])).prop_map(|(name, range)| {
        let spec = format!("spec: {{cidrs: [{range}]}}");
        format!("apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {{name: {name}}}\n{spec}\n")
    })
}

fn delta() -> impl Strategy<Value = Delta> {
    let object = prop_oneof![
        5 => a_pod(),
        3 => a_service(),
        3 => a_slice(),
        2 => a_policy(),
        1 => a_namespace(),
        1 => a_mesh(),
        1 => a_node(),
        1 => a_service_cidr(),
    ];
    let fate = prop_oneof![6 => Just(0), 1 => Just(1), 2 => Just(2)];
    (object, fate, of(&["a.yaml", "b.yaml"])).prop_map(|(text, fate, file)| {
        let resource = resource(&text);
        let key = resource.key();
        match fate {
            0 => Delta::Set { resource: Arc::new(resource), file: Some(file.into()) },
            1 => unreadable(key.kind, &key.namespace, &key.name),
            _ => Delta::Gone(key),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn any_history_gives_what_its_end_gives(
        history in prop::collection::vec(prop::collection::vec(delta(), 1..5), 1..16),
    ) {
        let mut index = Index::default();
        let mut world = World::new();
        let mut follower = BTreeMap::new();
        let mut problems = Vec::new();
        for batch in history {
            batch.iter().for_each(|delta| note(&mut world, delta));
            let changes = index.apply(batch);
            for name in &changes.removed {
                prop_assert!(follower.remove(name).is_some(), "{name:?} was not there");
            }
            for (name, body) in changes.set {
                prop_assert!(follower.get(&name) != Some(&body), "{name:?} says nothing new");
                follower.insert(name, body);
            }
            if changes.problems {
                problems = index.problems();
            }
        }
        let expected = from_nothing(&world);
        prop_assert_eq!(&follower, &expected.resources());
        prop_assert_eq!(&index.resources(), &expected.resources());
        prop_assert_eq!(&problems, &expected.problems());
        let pods = |index: &Index| index.pods().iter().cloned().collect::<Vec<_>>();
        prop_assert_eq!(pods(&index), pods(&expected));
        // Nothing is left behind.
        index.apply(world.into_keys().map(Delta::Gone));
        prop_assert_eq!(index.resources(), from_nothing(&World::new()).resources());
        prop_assert!(index.problems().is_empty() && index.pods().is_empty());
        prop_assert!(index.relations.lookups().next().is_none());
        prop_assert!(index.relations.namespaces().next().is_none());
    }
}
