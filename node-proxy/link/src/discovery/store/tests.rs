use super::*;

mod moments;

fn nothing_of(kind: Kind) -> DeltaDiscoveryResponse {
    DeltaDiscoveryResponse {
        type_url: kind.type_url().to_owned(),
        system_version_info: "1".to_owned(),
        ..DeltaDiscoveryResponse::default()
    }
}

#[tokio::test(start_paused = true)]
async fn own_types_are_waited_for_and_then_not() {
    let (mut store, view) = Store::new();
    assert_eq!(store.patience(), None);
    store.take(nothing_of(Kind::Authorization)).await;
    store.lose_patience();
    assert_eq!(*view.synced.borrow(), Synced::Waiting, "never without workloads");
    store.take(nothing_of(Kind::Address)).await;
    assert_eq!(store.patience(), Some(Instant::now() + OWN_TYPES));
    tokio::time::advance(OWN_TYPES / 2).await;
    store.take(nothing_of(Kind::Address)).await;
    assert_eq!(store.patience(), Some(Instant::now() + OWN_TYPES / 2), "counted from the first time");
    assert_eq!(*view.synced.borrow(), Synced::Waiting);
    store.lose_patience();
    assert_eq!(*view.synced.borrow(), Synced::Complete);
    assert_eq!(store.patience(), None, "nothing more to wait for");
}

#[tokio::test(start_paused = true)]
async fn with_every_type_there_nothing_is_waited_for() {
    let (mut store, view) = Store::new();
    for kind in Kind::ALL {
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
