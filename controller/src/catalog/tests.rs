use std::collections::BTreeMap;
use std::sync::Arc;

use karez_api::workload::address::Type;
use karez_api::workload::{Address, Workload};
use proptest::prelude::*;
use prost::Message;

use super::*;

fn resources(content: &[(&str, u8)]) -> Resources {
    let bodies = content.iter().map(|(name, byte)| ((*name).to_owned(), vec![*byte]));
    BTreeMap::from([(ResourceType::Namespace, bodies.collect())])
}

#[test]
fn readers_are_woken_by_changes_only() {
    let (mut catalog, mut reader) = Catalog::new();
    assert!(reader.borrow().is_none());
    catalog.replace(resources(&[("a", 1), ("b", 1)]));
    assert!(reader.has_changed().unwrap());
    let first = reader.borrow_and_update().clone().unwrap();
    catalog.replace(resources(&[("b", 1), ("a", 1)]));
    assert!(!reader.has_changed().unwrap());
    catalog.replace(resources(&[("b", 2), ("a", 1)]));
    assert!(reader.has_changed().unwrap());
    let second = reader.borrow_and_update().clone().unwrap();
    assert_ne!(first.version(), second.version());
    assert!(Arc::ptr_eq(
        first.view(ResourceType::Namespace).find("a").unwrap(),
        second.view(ResourceType::Namespace).find("a").unwrap()
    ));
    assert!(Arc::ptr_eq(&first.view(ResourceType::Address), &second.view(ResourceType::Address)));
}

#[test]
fn even_an_empty_mesh_is_published_once() {
    let (mut catalog, reader) = Catalog::new();
    catalog.replace(Resources::new());
    assert!(reader.borrow().is_some());
}

#[test]
fn a_version_reads_back_and_foreign_ones_do_not() {
    let version = Version::of("a", b"body");
    assert_eq!(version.to_string().parse(), Ok(version));
    for foreign in ["", "1", "00000000000000000", "zzzzzzzzzzzzzzzz", "ABCDEF0123456789"] {
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
    let names = |asked| view.resolve(asked).iter().map(|entry| entry.name().to_string()).collect::<Vec<_>>();
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
    let entry =
        |(name, byte): (&String, &u8)| Arc::new(Entry::new(ResourceType::Namespace, name, vec![*byte]));
    View::new(content.iter().map(entry).collect())
}

fn apply(changes: &Changes, client: &mut BTreeMap<String, Version>) {
    for name in &changes.removed {
        assert!(client.remove(&**name).is_some(), "{name} removed without having been there");
    }
    client.extend(changes.set.iter().map(|entry| (entry.name().to_string(), entry.version())));
}

fn versions(view: &View) -> BTreeMap<String, Version> {
    view.entries().iter().map(|entry| (entry.name().to_string(), entry.version())).collect()
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
}
