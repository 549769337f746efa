use std::collections::BTreeMap;
use std::sync::Arc;

use karez_api::workload::address::Type;
use karez_api::workload::{Address, Workload};
use proptest::prelude::*;
use prost::Message;

use super::*;

/// Encoded messages by type and name.
pub(crate) type Resources = BTreeMap<ResourceType, BTreeMap<String, Vec<u8>>>;

impl Snapshot {
    /// The snapshot that follows where these are all resources.
    pub(crate) fn succeed(&self, mut resources: Resources) -> Self {
        let mut next = self.clone();
        for resource_type in ResourceType::ALL {
            let bodies = resources.remove(&resource_type).unwrap_or_default();
            let entry = |(name, body): (String, Vec<u8>)| Arc::new(Entry::new(resource_type, name, body));
            let wanted = View::new(bodies.into_iter().map(entry));
            next.apply(resource_type, self.view(resource_type).changes_to(&wanted));
        }
        next
    }
}

fn set(names: &[(&str, u8)]) -> Changes {
    let entry = |(name, byte): &(&str, u8)| Arc::new(Entry::new(ResourceType::Namespace, *name, vec![*byte]));
    Changes { set: names.iter().map(entry).collect(), removed: Vec::new() }
}

#[test]
fn readers_are_woken_by_changes_only() {
    let (mut catalog, mut reader) = Catalog::new();
    assert!(reader.borrow().is_none());
    catalog.apply(ResourceType::Namespace, set(&[("a", 1), ("b", 1)]));
    assert!(reader.borrow().is_none(), "not yet published");
    catalog.publish();
    assert!(reader.has_changed().unwrap());
    let first = reader.borrow_and_update().clone().unwrap();
    catalog.apply(ResourceType::Namespace, set(&[("b", 1), ("a", 1)]));
    catalog.publish();
    assert!(!reader.has_changed().unwrap());
    catalog.apply(ResourceType::Namespace, set(&[("b", 2)]));
    catalog.publish();
    assert!(reader.has_changed().unwrap());
    let second = reader.borrow_and_update().clone().unwrap();
    assert_ne!(first.version(), second.version());
    assert!(Arc::ptr_eq(
        first.view(ResourceType::Namespace).find("a").unwrap(),
        second.view(ResourceType::Namespace).find("a").unwrap()
    ));
}

#[test]
fn even_an_empty_mesh_is_published_once() {
    let (mut catalog, reader) = Catalog::new();
    catalog.publish();
    assert!(reader.borrow().is_some());
}

#[test]
fn a_version_reads_back_and_foreign_ones_do_not() {
    let version = Version::of("a", b"body");
    assert_eq!(version.to_string().parse(), Ok(version));
    let foreign = ["", "1", "0123456789abcdef", "ABCDEF0123456789abcdef0123456789"].map(str::to_owned);
    for foreign in foreign.into_iter().chain(["0".repeat(33), "z".repeat(32)]) {
        assert!(foreign.parse::<Version>().is_err(), "{foreign}");
    }
}

#[test]
fn versions_depend_on_name_and_body() {
    assert_ne!(Version::of("a", b"b"), Version::of("a", b"c"));
    assert_ne!(Version::of("a", b"b"), Version::of("c", b"b"));
    assert_ne!(Version::of("ab", b""), Version::of("a", b"b"));
}

fn workload(uid: &str, addresses: &[&[u8]]) -> Arc<Entry> {
    let workload = Workload {
        uid: uid.to_owned(),
        network: "net".to_owned(),
        addresses: addresses.iter().map(|address| address.to_vec()).collect(),
        ..Default::default()
    };
    let address = Address { r#type: Some(Type::Workload(workload)) };
    Arc::new(Entry::new(ResourceType::Address, uid, address.encode_to_vec()))
}

#[test]
fn workloads_are_found_by_name_and_by_address() {
    let v6 = std::net::Ipv6Addr::LOCALHOST.octets();
    let view =
        View::new(vec![workload("x", &[&[10, 0, 0, 1], &v6]), workload("y", &[&[10, 0, 0, 1], &[1, 2]])]);
    let names =
        |asked: &str| view.resolve(asked).iter().map(|entry| entry.name().to_string()).collect::<Vec<_>>();
    assert_eq!(names("y"), ["y"]);
    assert_eq!(names("net/10.0.0.1"), ["x", "y"]);
    assert_eq!(names("net/::1"), ["x"]);
    assert!(names("/10.0.0.1").is_empty());
}

type Content = BTreeMap<String, u8>;

fn content() -> impl Strategy<Value = Content> {
    proptest::collection::btree_map("[a-h]", 0..2_u8, 0..8)
}

fn view(content: &Content) -> View {
    let entry = |(name, byte): (&String, &u8)| {
        Arc::new(Entry::new(ResourceType::Namespace, name.as_str(), vec![*byte]))
    };
    View::new(content.iter().map(entry))
}

fn apply(changes: &Changes, client: &mut BTreeMap<String, Version>) {
    for name in &changes.removed {
        assert!(client.remove(&**name).is_some(), "{name} removed without having been there");
    }
    client.extend(changes.set.iter().map(|entry| (entry.name().to_string(), entry.version())));
}

fn versions(view: &View) -> BTreeMap<String, Version> {
    view.entries().map(|entry| (entry.name().to_string(), entry.version())).collect()
}

proptest! {
    #[test]
    fn changes_lead_from_any_view_to_any_other(from in content(), to in content()) {
        let (old, new) = (view(&from), view(&to));
        let changes = old.changes_to(&new);
        let mut client = versions(&old);
        apply(&changes, &mut client);
        prop_assert_eq!(client, versions(&new));
        for entry in &changes.set {
            prop_assert!(old.find(entry.name()).is_none_or(|held| held.version() != entry.version()));
        }
    }

    #[test]
    fn what_a_client_says_it_has_is_as_good_as_a_view(from in content(), to in content()) {
        let (old, new) = (view(&from), view(&to));
        let held: Vec<(String, String)> =
            versions(&old).into_iter().map(|(name, version)| (name, version.to_string())).collect();
        let changes = new.changes_from(held.iter().map(|(name, version)| (&**name, &**version)));
        prop_assert_eq!(changes, old.changes_to(&new));
    }

    /// Whoever has seen some view finds what came since in the log, and it is what a comparison finds.
    #[test]
    fn the_log_tells_what_a_comparison_tells(contents in proptest::collection::vec(content(), 1..8), seen in 0..8_usize) {
        let mut present = View::default();
        let mut views = vec![present.clone()];
        for content in &contents {
            let changes = present.changes_to(&view(content));
            present.apply(changes);
            views.push(present.clone());
        }
        let last = contents.last().unwrap();
        prop_assert_eq!(present.version(), view(last).version(), "whatever came before");
        let seen = &views[seen.min(contents.len())];
        let names = present.changed_since(seen).unwrap();
        prop_assert_eq!(seen.changes_of(names, &present), seen.changes_to(&present));
    }
}

#[test]
fn whom_the_log_has_left_behind_is_told_so() {
    let mut view = View::default();
    let step = |number: u32| {
        let entry = |name: u32| {
            Arc::new(Entry::new(ResourceType::Namespace, name.to_string(), number.to_be_bytes().to_vec()))
        };
        Changes { set: (0..6_000).map(entry).collect(), removed: Vec::new() }
    };
    let first = view.clone();
    view.apply(step(1));
    let second = view.clone();
    (2..=4).for_each(|number| assert!(view.apply(step(number))));
    assert!(view.changed_since(&first).is_none());
    assert_eq!(view.changed_since(&second).unwrap().len(), 6_000);
    assert!(view.changed_since(&view).unwrap().is_empty());
    assert!(view.changed_since(&View::new(second.entries().cloned())).is_none(), "a view with another past");
}
