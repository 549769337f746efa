//! * [`edits`] – what is broken or lost by an edit of one file

mod edits;

use karez_api::identity::Identity;
use karez_api::names::type_url;
use karez_resources::manifest;
use proptest::prelude::*;

use super::{Entitlement, Objects};
use crate::{Effect, Options, Translation, translate};

const NEXT: &str = "\n---\n";

fn policy(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: karez.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n"
    )
}

fn pod(name: &str, more: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop}}\n{more}\n")
}

fn namespace() -> String {
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {karez.dev/mesh: enabled}}\n".to_owned()
}

fn mesh() -> String {
    "apiVersion: karez.dev/v1alpha1\nkind: Mesh\nmetadata: {name: default}\n\
     spec: {mtls: strict, trustDomain: shop.example, addressRanges: [10.64.0.0/10]}\n"
        .to_owned()
}

/// One file, loaded version by version.
fn after(versions: &[&str]) -> Translation {
    let mut objects = Objects::default();
    for version in versions {
        objects.load("file", manifest::read(version.as_bytes()));
    }
    translate(&objects, &Options::default())
}

fn of_files(files: &[(&str, String)]) -> Objects {
    let mut objects = Objects::default();
    for (file, text) in files {
        objects.load(file, manifest::read(text.as_bytes()));
    }
    objects
}

/// Names of the policies, `!` at those that are unreadable.
fn policies(translation: &Translation) -> Vec<String> {
    let authorizations =
        translation.resources.iter().filter(|(name, _)| name.type_url == type_url::AUTHORIZATION);
    authorizations
        .map(|(name, message)| {
            let message: karez_api::security::Authorization = prost::Message::decode(&message[..]).unwrap();
            format!("{}{}", name.name, if message.unreadable { "!" } else { "" })
        })
        .collect()
}

fn effects(translation: &Translation) -> Vec<Effect> {
    translation.problems.iter().map(|report| report.effect).collect()
}

#[test]
fn an_object_of_no_kind_of_karez_s_group_refuses_where_nothing_of_the_group_is_missing() {
    let mesh_and_pod = [mesh(), pod("web", "")].join(NEXT);
    let of_no_kind = policy("web", "{}").replace("AuthorizationPolicy", "AuthorisationPolicy");
    assert_eq!(
        policies(&after(&[&mesh_and_pod, &[mesh(), of_no_kind].join(NEXT)])),
        ["shop/karez-strict-mtls", "shop/web!"]
    );
}

#[test]
fn a_policy_that_was_never_readable_refuses() {
    let namespace = |text: &str| policies(&after(&[text]));
    assert_eq!(namespace(&policy("web", "{rulez: []}")), ["shop/web!"]);
    assert_eq!(namespace(&policy("web", "{rules: [")), ["shop/web!"]);
    assert_eq!(namespace(&policy("web", "{}").replace("name: web, ", "")), ["shop/(unnamed)!"]);
    assert_eq!(
        namespace(&policy("web", "{}").replace("namespace: shop", "namespace: s/h")),
        ["default/(web)!"]
    );
    assert_eq!(namespace(&policy("web", "{}").replace("v1alpha1", "v2")), ["shop/web!"]);
    // It stays so while nothing more is known of it, and is mended in place.
    let never = policy("web", "{rules: [");
    assert_eq!(policies(&after(&[&never, "words"])), ["shop/web!"]);
    assert_eq!(policies(&after(&[&never, &policy("web", "{}")])), ["shop/web"]);
}

#[test]
fn an_unreadable_file_keeps_what_it_held() {
    let mut objects = Objects::default();
    objects.load("file", manifest::read(policy("web", "{}").as_bytes()));
    objects.load("file", vec![manifest::unreadable("permission denied")]);
    let now = translate(&objects, &Options::default());
    assert_eq!(policies(&now), ["shop/web"]);
    assert_eq!(effects(&now), [Effect::LastGoodVersion]);
    objects.unload("file");
    assert_eq!(policies(&translate(&objects, &Options::default())), [""; 0]);
}

#[test]
fn of_two_files_with_one_object_the_first_by_name_counts() {
    let on = |node: &str| pod("web", &format!("spec: {{nodeName: {node}, containers: []}}"));
    let identity = Identity::new("cluster.local", "shop", "default").unwrap();
    let files = [("b", on("node-b")), ("a", on("node-a")), ("mesh", namespace())];
    let mut objects = of_files(&files);
    assert_eq!(objects.entitlement(&identity, "node-a"), Entitlement::Entitled);
    assert_eq!(objects.entitlement(&identity, "node-b"), Entitlement::NoPod);
    let now = translate(&objects, &Options::default());
    assert_eq!(now.problems.iter().map(|report| report.source.as_str()).collect::<Vec<_>>(), ["b"]);
    objects.unload("a");
    assert_eq!(objects.entitlement(&identity, "node-b"), Entitlement::Entitled);
}

#[test]
fn of_several_files_with_one_object_the_first_with_a_good_version_counts() {
    let deny = policy("web", "{action: Deny, rules: [{}]}");
    let files = [("a", policy("web", "{rulez: []}")), ("b", deny.clone()), ("c", policy("web", "{}"))];
    let mut objects = of_files(&files);
    let now = translate(&objects, &Options::default());
    assert_eq!(now.resources, after(&[&deny]).resources);
    let told: Vec<_> =
        now.problems.iter().map(|it| (it.source.as_str(), it.problem.field.as_str(), it.effect)).collect();
    assert_eq!(told, [("a", "spec.rulez", Effect::Nothing), ("c", "", Effect::Nothing)]);
    objects.unload("b");
    objects.unload("c");
    assert_eq!(policies(&translate(&objects, &Options::default())), ["shop/web!"]);
}

#[test]
fn a_node_is_entitled_to_an_identity_while_a_live_pod_of_the_mesh_has_it_there() {
    let mut objects = Objects::default();
    let pods = [
        pod("running", "spec: {nodeName: n1, serviceAccountName: a, containers: []}"),
        pod(
            "pending",
            "spec: {nodeName: n1, serviceAccountName: b, containers: []}\nstatus: {phase: Pending}",
        ),
        pod(
            "done",
            "spec: {nodeName: n1, serviceAccountName: c, containers: []}\nstatus: {phase: Succeeded}",
        ),
        pod("failed", "spec: {nodeName: n1, serviceAccountName: d, containers: []}\nstatus: {phase: Failed}"),
        pod("unbound", "spec: {serviceAccountName: e, containers: []}"),
        pod("outside", "spec: {nodeName: n1, serviceAccountName: f, containers: []}")
            .replace("namespace: shop", "namespace: shop, labels: {karez.dev/mesh: disabled}"),
        pod("on-the-host", "spec: {nodeName: n1, serviceAccountName: g, hostNetwork: true, containers: []}"),
    ];
    objects.load("file", manifest::read(pods.join(NEXT).as_bytes()));
    let on = |objects: &Objects, trust_domain: &str, namespace: &str, account: &str, node: &str| {
        objects.entitlement(&Identity::new(trust_domain, namespace, account).unwrap(), node)
    };
    let outside = |name: &str| Entitlement::OutsideMesh { pod: format!("shop/{name}") };
    assert_eq!(on(&objects, "cluster.local", "shop", "a", "n1"), outside("running"));
    objects.load("mesh", manifest::read(namespace().as_bytes()));
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
        assert_eq!(on(&objects, trust_domain, namespace, account, node), expected, "{account} on {node}");
    }
    // A namespace that never could be read is taken for one of the mesh.
    objects.unload("mesh");
    objects.load("mesh", manifest::read(namespace().replace("enabled", "enabld").as_bytes()));
    assert_eq!(on(&objects, "cluster.local", "shop", "a", "n1"), Entitlement::Entitled);
}

proptest! {
    #[test]
    fn the_order_of_loading_and_of_documents_does_not_matter(order in Just((0..6).collect::<Vec<usize>>()).prop_shuffle()) {
        let all = [
            pod("web", "status: {podIP: 10.0.0.1}"),
            pod("db", "status: {podIP: 10.0.0.2}"),
            policy("a", "{rulez: []}"),
            policy("b", "{}"),
            namespace(),
            "apiVersion: v1\nkind: Service\nmetadata: {name: all, namespace: shop}\nspec: {ports: [{port: 80}]}\n".to_owned(),
        ];
        let shuffled: Vec<&str> = order.iter().map(|at| all[*at].as_str()).collect();
        let in_one = |documents: &[&str]| after(&[&documents.join(NEXT)]).resources;
        prop_assert_eq!(in_one(&shuffled), in_one(&all.each_ref().map(String::as_str)));

        let mut objects = Objects::default();
        for at in &order {
            objects.load(&format!("file-{at}"), manifest::read(all[*at].as_bytes()));
        }
        prop_assert_eq!(translate(&objects, &Options::default()).resources, in_one(&shuffled));
    }
}
