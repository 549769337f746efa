use std::time::Duration;

use karez_api::discovery::{DeltaDiscoveryResponse, Node};
use karez_api::settings::{MeshSettings, TrustBundle};
use prost::Message;
use tokio::task::yield_now;

use super::*;
use crate::authority::Authority;
use crate::discovery::kind::ResourceKind as _;
use crate::discovery::served::ServedTypes;
use crate::discovery::store::AT_A_TIME;

mod moments;

fn resource<M: Message>(kind: Kind, name: &str, message: &M) -> Resource {
    let any = prost_types::Any { type_url: kind.type_url().to_owned(), value: message.encode_to_vec() };
    Resource { name: name.to_owned(), version: "1".to_owned(), resource: Some(any), ..Resource::default() }
}

fn nothing_of(kind: Kind) -> DeltaDiscoveryResponse {
    DeltaDiscoveryResponse {
        type_url: kind.type_url().to_owned(),
        system_version_info: "1".to_owned(),
        ..DeltaDiscoveryResponse::default()
    }
}

/// A strict mesh is one by its settings: nothing may be decided before they are there.
#[tokio::test(start_paused = true)]
async fn own_types_are_waited_for_however_long_it_takes() {
    let (mut store, view) = Store::new();
    store.opened(ServedTypes::All);
    for kind in Kind::served(ServedTypes::All).filter(|kind| *kind != Kind::Mesh) {
        store.take(nothing_of(kind)).await;
        assert_eq!(store.patience(), None);
    }
    tokio::time::advance(Duration::from_secs(3600)).await;
    store.lose_patience();
    assert_eq!(*view.synced.borrow(), Synced::Waiting);
    store.close();
    assert_eq!(*view.synced.borrow(), Synced::Waiting, "not even without a controller");
}

#[tokio::test]
async fn what_is_not_served_is_not_waited_for() {
    let (mut store, view) = Store::new();
    assert_eq!(store.opened(ServedTypes::Istio), []);
    store.take(nothing_of(Kind::Authorization)).await;
    assert_eq!(*view.synced.borrow(), Synced::Waiting, "never without workloads");
    store.take(nothing_of(Kind::Address)).await;
    assert_eq!(*view.synced.borrow(), Synced::Complete);
}

/// Settings and roots of Karez's controller, then one that says nothing of them, then Karez's again.
#[tokio::test]
async fn a_controller_without_own_types_takes_nothing_back_that_another_said_of_them() {
    let strict = MeshSettings { trust_domain: "mesh".to_owned(), strict: true, ..MeshSettings::default() };
    let settings = || DeltaDiscoveryResponse {
        resources: vec![resource(Kind::Mesh, "default", &strict)],
        ..nothing_of(Kind::Mesh)
    };
    let root = Authority::root("mesh").pem();
    let bundle = TrustBundle { trust_domain: "mesh".to_owned(), roots: vec![root] };
    let bundles = DeltaDiscoveryResponse {
        resources: vec![resource(Kind::TrustBundle, "mesh", &bundle)],
        ..nothing_of(Kind::TrustBundle)
    };
    let (mut store, view) = Store::new();
    store.opened(ServedTypes::All);
    store.take(settings()).await;
    store.take(bundles).await;
    for kind in [Kind::Namespace, Kind::Authorization, Kind::Address] {
        store.take(nothing_of(kind)).await;
    }
    let known = |view: &DiscoveryView| {
        (view.mesh.borrow().strict("shop"), view.bundles.borrow().find("mesh").is_some())
    };
    assert_eq!(known(&view), (true, true));

    store.close();
    store.open(&Node::default());
    store.opened(ServedTypes::Istio);
    store.take(nothing_of(Kind::Address)).await;
    store.take(nothing_of(Kind::Authorization)).await;
    assert_eq!(known(&view), (true, true), "a header that is missing turns strict mode off");

    store.close();
    store.open(&Node::default());
    store.opened(ServedTypes::All);
    let permissive = DeltaDiscoveryResponse {
        resources: vec![resource(Kind::Mesh, "default", &MeshSettings { strict: false, ..strict.clone() })],
        ..nothing_of(Kind::Mesh)
    };
    store.take(permissive).await;
    for kind in [Kind::TrustBundle, Kind::Namespace, Kind::Authorization, Kind::Address] {
        store.take(nothing_of(kind)).await;
    }
    assert!(!view.mesh.borrow().strict("shop"), "a controller that serves them changes them");
}

#[tokio::test(start_paused = true)]
async fn with_every_type_there_nothing_is_waited_for() {
    let (mut store, view) = Store::new();
    for kind in Kind::served(ServedTypes::All) {
        assert_eq!(*view.synced.borrow(), Synced::Waiting);
        store.take(nothing_of(kind)).await;
    }
    assert_eq!(*view.synced.borrow(), Synced::Complete);
    assert_eq!(store.patience(), None);
}

/// In one response an address may go from a Pod that is gone to a new one.
#[tokio::test]
async fn removals_come_before_additions() {
    use karez_api::workload::{Address, Workload, address};
    use prost::Message;
    let resource = |uid: &str| {
        let workload = Workload {
            uid: uid.to_owned(),
            name: uid.to_owned(),
            namespace: "shop".to_owned(),
            addresses: vec![vec![10, 0, 0, 1]],
            ..Workload::default()
        };
        let message = Address { r#type: Some(address::Type::Workload(workload)) };
        let value = message.encode_to_vec();
        let any = prost_types::Any { type_url: Kind::Address.type_url().to_owned(), value };
        Resource { name: uid.to_owned(), resource: Some(any), ..Resource::default() }
    };
    let (mut store, view) = Store::new();
    store
        .take(DeltaDiscoveryResponse { resources: vec![resource("old")], ..nothing_of(Kind::Address) })
        .await;
    let removed_resources = vec!["old".to_owned()];
    let next = DeltaDiscoveryResponse {
        resources: vec![resource("new")],
        removed_resources,
        ..nothing_of(Kind::Address)
    };
    store.take(next).await;
    let mesh = Arc::clone(&view.mesh.borrow());
    assert!(mesh.workload("old").is_none());
    assert_eq!(&*mesh.workload_at("10.0.0.1".parse().unwrap()).unwrap().uid, "new");
}

/// A response of thousands must not keep other tasks of the thread waiting until its end.
#[tokio::test]
async fn a_large_response_lets_others_work() {
    let (mut store, _view) = Store::new();
    let removed_resources = (0..10 * AT_A_TIME).map(|number| number.to_string()).collect();
    let large = DeltaDiscoveryResponse { removed_resources, ..nothing_of(Kind::Address) };
    let mut turns = 0;
    let others = async {
        loop {
            turns += 1;
            yield_now().await;
        }
    };
    tokio::select! {
        biased;
        _ = store.take(large) => {}
        () = others => {}
    }
    assert!(turns >= 10, "{turns}");
}
