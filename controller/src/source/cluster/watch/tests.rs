use k8s_openapi::api::core::v1::Namespace;
use karez_resources::{Key, Kind};
use kube::core::Status;
use serde_json::json;

use super::*;
use crate::source;

type Events = Vec<Result<Event<Observed<Namespace>>, watcher::Error>>;

fn object(name: &str) -> Observed<Namespace> {
    serde_json::from_value(json!({"metadata": {"name": name, "resourceVersion": "1"}})).unwrap()
}

fn watch(unlisted: Unlisted) -> (KindWatch<Namespace>, source::Receiver) {
    let (batches, receiver) = source::channel();
    let service = tower::service_fn(|_: http::Request<kube::client::Body>| async {
        Ok::<_, std::convert::Infallible>(http::Response::new(kube::client::Body::empty()))
    });
    (
        KindWatch::new(
            &Client::new(service, "default"),
            &batches,
            unlisted,
            None,
            crate::conditions::channel().0,
        ),
        receiver,
    )
}

fn not_found() -> watcher::Error {
    let status = Status { code: NOT_FOUND, ..Status::default() };
    watcher::Error::InitialListFailed(kube::Error::Api(Box::new(status)))
}

fn key(name: &str) -> Key {
    Key::new(Kind::Namespace, "", name)
}

#[tokio::test]
async fn a_relist_says_what_has_gone_and_completes_once() {
    let (mut watch, mut batches) = watch(Unlisted::default().one_more());
    let first: Events = vec![
        Ok(Event::Init),
        Ok(Event::InitApply(object("a"))),
        Ok(Event::InitApply(object("b"))),
        Ok(Event::InitDone),
    ];
    let seen = watch.see(first);
    watch.send(seen).await.unwrap();
    assert_eq!(batches.try_recv().unwrap().deltas.len(), 2);
    assert!(batches.try_recv().unwrap().complete);
    let again: Events = vec![Ok(Event::Init), Ok(Event::InitApply(object("b"))), Ok(Event::InitDone)];
    let seen = watch.see(again);
    watch.send(seen).await.unwrap();
    let batch = batches.try_recv().unwrap();
    assert_eq!(batch.deltas.last(), Some(&Delta::Gone(key("a"))));
    assert!(batches.try_recv().is_err());
}

#[tokio::test]
async fn a_kind_that_is_not_there_holds_nothing_up_and_takes_nothing_away() {
    let (mut watch, mut batches) = watch(Unlisted::default().one_more());
    let seen = watch.see(vec![Err(not_found())]);
    watch.send(seen).await.unwrap();
    assert!(batches.try_recv().unwrap().complete);
    let seen = watch.see(vec![Ok(Event::Apply(object("a"))), Err(not_found())]);
    watch.send(seen).await.unwrap();
    assert_eq!(batches.try_recv().unwrap().deltas.len(), 1);
    assert!(batches.try_recv().is_err());
}
