use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};

use http::{Request, Response};
use kube::client::Body;
use serde_json::json;
use tower::service_fn;

use super::*;
use crate::conditions;
use crate::source;

/// An API server that has no kind at all, and remembers which ones it was asked for.
fn empty_cluster(asked: Arc<Mutex<BTreeSet<String>>>) -> Client {
    let answer = move |request: Request<Body>| {
        asked.lock().unwrap_or_else(PoisonError::into_inner).insert(request.uri().path().to_owned());
        let status = json!({"status": "Failure", "message": "not found", "reason": "NotFound", "code": 404});
        let response = Response::builder().status(404).body(Body::from(status.to_string().into_bytes()));
        std::future::ready(Ok::<_, Infallible>(response.unwrap()))
    };
    Client::new(service_fn(answer), "karez-system")
}

#[tokio::test]
async fn it_is_complete_once_every_kind_that_is_watched_has_been_listed() {
    let asked = Arc::default();
    let (batches, mut received) = source::channel();
    let (sightings, _seen) = conditions::channel();
    let (source, _pods, _nodes) =
        ClusterSource::new(empty_cluster(Arc::clone(&asked)), "karez-system", batches, sightings);
    let running = tokio::spawn(source.run());
    while !received.recv().await.unwrap().complete {}
    let asked = asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for kind in [
        "namespaces",
        "authorizationpolicies",
        "meshes",
        "nodes",
        "servicecidrs",
        "services",
        "endpointslices",
        "pods",
    ] {
        assert!(asked.iter().any(|path| path.ends_with(kind)), "{kind} not in {asked:?}");
    }
    running.abort();
}

#[test]
fn the_last_kind_of_those_counted_is_the_last() {
    let unlisted = Unlisted::default();
    let kinds: Vec<_> = (0..5).map(|_| unlisted.one_more()).collect();
    let last: Vec<_> = kinds.iter().map(Unlisted::listed).collect();
    assert_eq!(last, [false, false, false, false, true]);
}
