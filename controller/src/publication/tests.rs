use std::collections::BTreeMap;
use std::time::Duration;

use karez_api::settings::TrustBundle;
use karez_resources::manifest::{self, Reading};
use karez_resources::{Key, Kind, Problem};
use karez_translate::{Delta, Effect};
use prost::Message;

use super::*;
use crate::ca::{Root, Roots, Timestamp};
use crate::catalog;

struct Scene {
    authority: watch::Sender<Arc<State>>,
    catalog: catalog::Reader,
    publication: Publication,
    published: watch::Receiver<Arc<Published>>,
}

fn root() -> Root {
    Root::generate(Timestamp::from_seconds(1000), Duration::from_secs(1_000_000)).unwrap()
}

fn complete(deltas: Vec<Delta>) -> Batch {
    Batch { deltas, complete: true, ..Batch::default() }
}

fn mesh() -> Delta {
    let text = "apiVersion: karez.dev/v1alpha1\nkind: Mesh\nmetadata: {name: default}\nspec: {trustDomain: example.org}\n";
    match manifest::read(text.as_bytes()).pop() {
        Some(Reading::Good(mesh)) => Delta::set(*mesh),
        other => panic!("{other:?}"),
    }
}

fn problem(message: &str) -> Problem {
    Problem {
        kind: String::new(),
        namespace: String::new(),
        name: String::new(),
        field: String::new(),
        line: None,
        message: message.to_owned(),
    }
}

impl Scene {
    fn new() -> Self {
        let roots = Roots::new(root(), Duration::from_secs(100));
        let (authority, authority_reader) =
            watch::channel(Arc::new(State { roots, nodes: BTreeMap::new(), votes: Default::default() }));
        let (catalog, catalog_reader) = Catalog::new();
        let (_, source) = source::channel();
        let (publication, published) =
            Publication::new(source, authority_reader, catalog, Options::default(), Metrics::new());
        Self { authority, catalog: catalog_reader, publication, published }
    }

    fn bundle(&self) -> TrustBundle {
        let snapshot = self.catalog.borrow().clone().unwrap();
        let view = snapshot.view(ResourceType::TrustBundle);
        let entries: Vec<_> = view.entries().collect();
        let [entry] = entries.as_slice() else { panic!("one bundle: {view:?}") };
        let resource = entry.resource(ResourceType::TrustBundle).resource.unwrap();
        let bundle = TrustBundle::decode(&*resource.value).unwrap();
        assert_eq!(**entry.name(), *bundle.trust_domain);
        bundle
    }
}

#[test]
fn nothing_is_served_before_the_source_has_seen_everything() {
    let mut scene = Scene::new();
    let report =
        Report { source: "manifests".to_owned(), problem: problem("not there"), effect: Effect::Nothing };
    let part = Batch { deltas: vec![mesh()], problems: Some(vec![report.clone()]), ..Batch::default() };
    scene.publication.publish(vec![part]);
    assert!(scene.catalog.borrow().is_none());
    assert!(scene.published.borrow().pods.is_none());
    assert_eq!(scene.published.borrow().problems.first(), Some(&report), "why is told");
    scene.publication.publish(vec![complete(vec![])]);
    assert!(scene.catalog.borrow().is_some());
    assert!(scene.published.borrow().pods.is_some());
    assert_eq!(scene.bundle().trust_domain, "example.org", "what came before counts");
    assert_eq!(*scene.published.borrow().problems, [report], "until another batch says otherwise");
    scene.publication.publish(vec![Batch { problems: Some(vec![]), ..Batch::default() }]);
    assert!(scene.published.borrow().problems.is_empty());
}

#[test]
fn the_bundle_is_that_of_the_trust_domain_and_follows_the_roots() {
    let mut scene = Scene::new();
    scene.publication.publish(vec![complete(vec![])]);
    assert_eq!(scene.bundle().trust_domain, "cluster.local");
    scene.publication.publish(vec![complete(vec![mesh()])]);
    assert_eq!(scene.bundle().trust_domain, "example.org");
    assert_eq!(scene.bundle().roots.len(), 1);
    assert_eq!(scene.published.borrow().trust_domain, "example.org");

    let before = scene.catalog.borrow().clone().unwrap();
    let mut state = State::clone(&scene.authority.borrow());
    state.roots.announce(root(), Timestamp::from_seconds(1000)).unwrap();
    scene.authority.send_replace(Arc::new(state));
    scene.publication.publish(vec![]);
    assert_eq!(scene.bundle().roots.len(), 2);
    let after = scene.catalog.borrow().clone().unwrap();
    assert!(Arc::ptr_eq(&before.view(ResourceType::Mesh), &after.view(ResourceType::Mesh)));
}

#[test]
fn a_phase_that_changes_nothing_for_the_nodes_is_not_sent() {
    let mut scene = Scene::new();
    let mut state = State::clone(&scene.authority.borrow());
    state.roots.announce(root(), Timestamp::from_seconds(1000)).unwrap();
    scene.authority.send_replace(Arc::new(state.clone()));
    scene.publication.publish(vec![complete(vec![])]);
    scene.catalog.mark_unchanged();
    assert!(state.roots.advance(Timestamp::from_seconds(1001), &[], Duration::from_secs(100)));
    scene.authority.send_replace(Arc::new(state));
    scene.publication.publish(vec![]);
    assert!(!scene.catalog.has_changed().unwrap());
}

#[test]
fn what_is_wrong_with_an_object_is_told_until_it_is_mended() {
    let mut scene = Scene::new();
    let key = Key::new(Kind::Pod, "shop", "a");
    let broken = Problem { name: "a".to_owned(), field: "status.podIP".to_owned(), ..problem("nonsense") };
    let unreadable = Delta::unreadable(key.clone(), broken.clone(), None);
    scene.publication.publish(vec![complete(vec![unreadable])]);
    let published = scene.published.borrow().clone();
    let [report] = &*published.problems else { panic!("{published:?}") };
    assert_eq!((&report.problem, report.effect), (&broken, Effect::Nothing));
    scene.publication.publish(vec![complete(vec![Delta::Gone(key)])]);
    assert!(scene.published.borrow().problems.is_empty());
}
