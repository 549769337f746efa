use std::collections::BTreeMap;
use std::time::Duration;

use karez_api::settings::TrustBundle;
use karez_resources::{Problem, manifest};
use karez_translate::Effect;
use prost::Message;

use super::*;
use crate::ca::{Root, Roots, Timestamp};
use crate::catalog;

struct Scene {
    inventory: watch::Sender<Arc<Inventory>>,
    authority: watch::Sender<Arc<State>>,
    catalog: catalog::Reader,
    publication: Publication,
    published: watch::Receiver<Arc<Published>>,
}

fn root() -> Root {
    Root::generate(Timestamp::from_seconds(1000), Duration::from_secs(1_000_000)).unwrap()
}

impl Scene {
    fn new() -> Self {
        let (inventory, inventory_reader) = watch::channel(Arc::default());
        let roots = Roots::new(root(), Duration::from_secs(100));
        let (authority, authority_reader) = watch::channel(Arc::new(State { roots, nodes: BTreeMap::new() }));
        let (catalog, catalog_reader) = Catalog::new();
        let (publication, published) =
            Publication::new(inventory_reader, authority_reader, catalog, Options::default(), Metrics::new());
        Self { inventory, authority, catalog: catalog_reader, publication, published }
    }

    fn write(&self, manifest: &str) {
        let mut objects = Objects::default();
        objects.load("a.yaml", manifest::read(manifest.as_bytes()));
        self.inventory.send_replace(Arc::new(Inventory { objects: Some(objects), unreadable: vec![] }));
    }

    fn bundle(&self) -> TrustBundle {
        let snapshot = self.catalog.borrow().clone().unwrap();
        let view = snapshot.view(ResourceType::TrustBundle);
        let [entry] = view.entries() else { panic!("one bundle: {view:?}") };
        let resource = entry.resource(ResourceType::TrustBundle).resource.unwrap();
        let bundle = TrustBundle::decode(&*resource.value).unwrap();
        assert_eq!(**entry.name(), *bundle.trust_domain);
        bundle
    }
}

const MESH: &str = "apiVersion: karez.dev/v1alpha1\nkind: Mesh\nmetadata: {name: default}\nspec: {trustDomain: example.org}\n";

#[test]
fn nothing_is_served_before_the_manifests_were_read() {
    let mut scene = Scene::new();
    let unreadable = Report {
        source: "manifests".to_owned(),
        problem: Problem {
            kind: String::new(),
            namespace: String::new(),
            name: String::new(),
            field: String::new(),
            line: None,
            message: "not there".to_owned(),
        },
        effect: Effect::Nothing,
    };
    scene.inventory.send_replace(Arc::new(Inventory { objects: None, unreadable: vec![unreadable.clone()] }));
    scene.publication.publish();
    assert!(scene.catalog.borrow().is_none());
    assert_eq!(scene.published.borrow().problems, [unreadable], "why is told");
    scene.write("");
    scene.publication.publish();
    assert!(scene.catalog.borrow().is_some());
}

#[test]
fn the_bundle_is_that_of_the_trust_domain_and_follows_the_roots() {
    let mut scene = Scene::new();
    scene.write(MESH);
    scene.publication.publish();
    assert_eq!(scene.bundle().trust_domain, "example.org");
    assert_eq!(scene.bundle().roots.len(), 1);
    assert_eq!(scene.published.borrow().trust_domain, "example.org");

    let before = scene.catalog.borrow().clone().unwrap();
    let mut state = State::clone(&scene.authority.borrow());
    state.roots.announce(root(), Timestamp::from_seconds(1000)).unwrap();
    scene.authority.send_replace(Arc::new(state));
    scene.publication.publish();
    assert_eq!(scene.bundle().roots.len(), 2);
    let after = scene.catalog.borrow().clone().unwrap();
    for untouched in [ResourceType::Address, ResourceType::Mesh, ResourceType::Namespace] {
        assert!(Arc::ptr_eq(&before.view(untouched), &after.view(untouched)), "{untouched:?}");
    }
}

#[test]
fn a_phase_that_changes_nothing_for_the_nodes_is_not_sent() {
    let mut scene = Scene::new();
    let mut state = State::clone(&scene.authority.borrow());
    state.roots.announce(root(), Timestamp::from_seconds(1000)).unwrap();
    scene.authority.send_replace(Arc::new(state.clone()));
    scene.write("");
    scene.publication.publish();
    scene.catalog.mark_unchanged();
    assert!(state.roots.advance(Timestamp::from_seconds(1001), &[], Duration::from_secs(100)));
    scene.authority.send_replace(Arc::new(state));
    scene.publication.publish();
    assert!(!scene.catalog.has_changed().unwrap());
}

#[test]
fn problems_are_told_with_file_object_and_field() {
    let mut scene = Scene::new();
    scene.write(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop}\nstatus: {podIP: nonsense}\n",
    );
    scene.publication.publish();
    let published = scene.published.borrow().clone();
    let [report] = published.problems.as_slice() else { panic!("{published:?}") };
    assert_eq!(report.source, "a.yaml");
    assert_eq!((&*report.problem.namespace, &*report.problem.name), ("shop", "a"));
    assert_eq!(report.problem.field, "status.podIP");
    scene.write("");
    scene.publication.publish();
    assert!(scene.published.borrow().problems.is_empty());
}
