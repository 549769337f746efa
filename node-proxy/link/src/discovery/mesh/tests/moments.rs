//! A change of several types is published whole, in whatever order its responses come.

use std::collections::BTreeMap;

use karez_api::security::{Action, Authorization, Scope};
use karez_api::workload::{Address, Workload, address};
use karez_mesh::LocalPod;
use karez_mesh::authz::{self, Connection};
use proptest::prelude::*;
use tokio::time::Instant;

use super::*;
use crate::discovery::moment::SILENCE;

/// The policies by name with what they cover, and which of them select the Pod.
#[derive(Debug, Clone, PartialEq)]
struct Shop {
    policies: BTreeMap<&'static str, Scope>,
    selecting: Vec<&'static str>,
}

/// A shop in which the Pod is always covered: by a policy of its namespace, or one that selects it.
fn shop() -> impl Strategy<Value = Shop> {
    let scope = prop_oneof![Just(None), Just(Some(Scope::Namespace)), Just(Some(Scope::WorkloadSelector))];
    let selects = prop::bool::ANY;
    prop::collection::vec((scope, selects), 3).prop_filter_map("nothing covers the Pod", |choices| {
        let named = || ["a", "b", "c"].into_iter().zip(&choices);
        let policies = named().filter_map(|(name, (scope, _))| Some((name, (*scope)?)));
        let selecting = named()
            .filter(|(_, (scope, selects))| *selects && *scope == Some(Scope::WorkloadSelector))
            .map(|(name, _)| name);
        let shop = Shop { policies: policies.collect(), selecting: selecting.collect() };
        let of_all = shop.policies.values().any(|scope| *scope == Scope::Namespace);
        (of_all || !shop.selecting.is_empty()).then_some(shop)
    })
}

/// Admits nobody.
fn policy(name: &str, scope: Scope) -> Resource {
    let policy = Authorization {
        name: name.to_owned(),
        namespace: "shop".to_owned(),
        scope: scope.into(),
        action: Action::Allow.into(),
        ..Authorization::default()
    };
    resource(Kind::Authorization, &format!("shop/{name}"), &policy)
}

fn workload(selecting: &[&str]) -> Resource {
    let workload = Workload {
        uid: "pod".to_owned(),
        name: "pod".to_owned(),
        namespace: "shop".to_owned(),
        addresses: vec![vec![10, 0, 0, 1]],
        authorization_policies: selecting.iter().map(|name| format!("shop/{name}")).collect(),
        ..Workload::default()
    };
    resource(Kind::Address, "pod", &Address { r#type: Some(address::Type::Workload(workload)) })
}

/// What leads from one shop to the other, one response each and none with a version; removals of policies too.
fn parts(before: &Shop, after: &Shop) -> Vec<DeltaDiscoveryResponse> {
    let part = |kind| DeltaDiscoveryResponse { system_version_info: String::new(), ..nothing_of(kind) };
    let set = after.policies.iter().map(|(name, scope)| DeltaDiscoveryResponse {
        resources: vec![policy(name, *scope)],
        ..part(Kind::Authorization)
    });
    let gone = before.policies.keys().filter(|name| !after.policies.contains_key(*name));
    let gone = gone.map(|name| DeltaDiscoveryResponse {
        removed_resources: vec![format!("shop/{name}")],
        ..part(Kind::Authorization)
    });
    let pod = DeltaDiscoveryResponse { resources: vec![workload(&after.selecting)], ..part(Kind::Address) };
    set.chain(gone).chain([pod]).collect()
}

fn admits_a_stranger(mesh: &Mesh) -> bool {
    let pod = LocalPod {
        uid: "pod".into(),
        namespace: "shop".into(),
        node: "n1".into(),
        addresses: vec!["10.0.0.1".parse().unwrap()],
    };
    let connection = Connection {
        identity: None,
        source: "10.0.0.9".parse().unwrap(),
        destination: "10.0.0.1:80".parse().unwrap(),
    };
    authz::authorize(mesh, &pod, &connection).decision.is_ok()
}

/// A store that has received the shop.
async fn settled(shop: &Shop) -> (Store<MeshSink>, DiscoveryView) {
    let (mut store, view) = Store::new();
    let nothing = Shop { policies: BTreeMap::new(), selecting: Vec::new() };
    for kind in Kind::served(ServedTypes::All) {
        store.take(nothing_of(kind)).await;
    }
    whole(&mut store, parts(&nothing, shop)).await;
    (store, view)
}

/// Takes the parts, the last one with a version.
async fn whole(store: &mut Store<MeshSink>, mut parts: Vec<DeltaDiscoveryResponse>) {
    parts.last_mut().unwrap().system_version_info = "2".to_owned();
    for part in parts {
        store.take(part).await;
    }
}

fn block_on<F: Future>(work: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(work)
}

proptest! {
    /// Both shops cover the Pod, and so does whatever is published on the way from one to the other.
    #[test]
    fn no_order_of_responses_opens_a_pod(
        before in shop(),
        (after, order) in shop().prop_flat_map(|after| (Just(after), Just((0..8).collect::<Vec<usize>>()).prop_shuffle())),
        broken_at in prop::option::of(0..8_usize),
    ) {
        block_on(async {
            let (mut store, view) = settled(&before).await;
            let was = Arc::clone(&view.mesh.borrow());
            prop_assert!(!admits_a_stranger(&was));
            let parts = parts(&before, &after);
            let mut ordered: Vec<_> = order.iter().filter_map(|at| parts.get(*at).cloned()).collect();
            ordered.last_mut().unwrap().system_version_info = "3".to_owned();
            let last = ordered.len() - 1;
            for (at, part) in ordered.into_iter().enumerate() {
                if broken_at == Some(at) {
                    // The rest comes on another stream, which begins with what is held of each type.
                    store.close();
                    store.open(&Node::default());
                    for kind in Kind::served(ServedTypes::All) {
                        let nothing = DeltaDiscoveryResponse { system_version_info: String::new(), ..nothing_of(kind) };
                        store.take(nothing).await;
                    }
                }
                store.take(part).await;
                let mesh = Arc::clone(&view.mesh.borrow());
                prop_assert!(!admits_a_stranger(&mesh));
                prop_assert!(at == last || mesh == was, "published in parts");
            }
            let (_, fresh) = settled(&after).await;
            let (mesh, expected) = (view.mesh.borrow(), fresh.mesh.borrow());
            prop_assert!(mesh.policies().len() == expected.policies().len());
            prop_assert_eq!(mesh.workload("pod"), expected.workload("pod"));
            Ok(())
        })?;
    }
}

fn narrowing() -> [Shop; 2] {
    let policies = |scope| BTreeMap::from([("a", scope)]);
    [
        Shop { policies: policies(Scope::Namespace), selecting: Vec::new() },
        Shop { policies: policies(Scope::WorkloadSelector), selecting: vec!["a"] },
    ]
}

#[tokio::test(start_paused = true)]
async fn on_a_new_stream_nothing_counts_as_whole_before_both_types_are_answered() {
    let [before, after] = narrowing();
    let (mut store, view) = settled(&before).await;
    store.close();
    store.open(&Node::default());
    store.opened(ServedTypes::Istio);
    let [policy, pod] = <[_; 2]>::try_from(parts(&before, &after)).unwrap();
    // A controller answers each type as it is asked for, so that the first answer is all that there is to say.
    for (response, selected) in [(policy, false), (pod, true)] {
        store.take(DeltaDiscoveryResponse { system_version_info: "3".to_owned(), ..response }).await;
        let mesh = Arc::clone(&view.mesh.borrow());
        assert_eq!(!mesh.workload("pod").unwrap().policies.is_empty(), selected);
        assert!(!admits_a_stranger(&mesh));
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_controller_that_bears_versions_a_part_is_never_the_whole() {
    let [before, after] = narrowing();
    let (mut store, view) = settled(&before).await;
    let covers_all =
        |view: &DiscoveryView| view.mesh.borrow().policies().all(|policy| policy.covers_all_of("shop"));
    for reopened in [false, true] {
        if reopened {
            store.close();
            store.open(&Node::default());
        }
        for part in parts(&before, &after) {
            store.take(part).await;
            assert_eq!(store.patience(), None);
            tokio::time::advance(SILENCE * 100).await;
            store.lose_patience();
            assert!(covers_all(&view));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_controller_without_versions_sends_is_whole_after_a_while() {
    let (mut store, view) = Store::new();
    store.opened(ServedTypes::Istio);
    let mute = |kind| DeltaDiscoveryResponse { system_version_info: String::new(), ..nothing_of(kind) };
    store.take(mute(Kind::Address)).await;
    assert_eq!(store.patience(), None, "no policy can be there yet");
    store.take(mute(Kind::Authorization)).await;
    let whole = Instant::now() + SILENCE;
    tokio::time::advance(SILENCE / 2).await;
    store.take(DeltaDiscoveryResponse { resources: vec![workload(&[])], ..mute(Kind::Address) }).await;
    assert_eq!(store.patience(), Some(whole), "one that goes on talking is not waited for");
    tokio::time::advance(SILENCE / 2).await;
    store.lose_patience();
    assert!(view.mesh.borrow().workload("pod").is_some());
    assert_ne!(store.patience(), Some(whole));
}

#[tokio::test(start_paused = true)]
async fn a_type_that_comes_in_parts_is_not_there_before_its_last() {
    let (mut store, view) = Store::new();
    store.opened(ServedTypes::All);
    for kind in Kind::served(ServedTypes::All) {
        store.take(DeltaDiscoveryResponse { system_version_info: String::new(), ..nothing_of(kind) }).await;
    }
    assert_eq!(store.patience(), None, "however long it takes");
    assert_eq!(*view.synced.borrow(), Synced::Waiting, "more is to come");
    store.take(DeltaDiscoveryResponse { resources: vec![workload(&[])], ..nothing_of(Kind::Address) }).await;
    assert_eq!(*view.synced.borrow(), Synced::Complete);
    assert!(view.mesh.borrow().workload("pod").is_some());
}
