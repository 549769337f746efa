use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, Response};
use kube::client::Body;
use serde_json::json;
use tonic::Code;
use tower::service_fn;

use super::*;
use crate::callers::own_pods::{OwnPod, OwnPods, Program};

/// An API server that knows one token, the node proxy's on `n1`, and counts what it is asked.
fn api_server(asked: Arc<AtomicUsize>) -> kube::Client {
    let answer = move |request: Request<Body>| {
        let asked = Arc::clone(&asked);
        async move {
            asked.fetch_add(1, Ordering::Relaxed);
            let review = request.into_body().collect_bytes().await.unwrap();
            let review: TokenReview = serde_json::from_slice(&review).unwrap();
            let status = match review.spec.token.as_str() {
                "known" => json!({
                    "authenticated": true,
                    "audiences": review.spec.audiences,
                    "user": {
                        "username": "system:serviceaccount:karez-system:karez-node",
                        "extra": {
                            "authentication.kubernetes.io/node-name": ["n1"],
                            "authentication.kubernetes.io/pod-uid": ["u1"],
                        },
                    },
                }),
                _ => json!({"authenticated": false, "error": "unknown"}),
            };
            let review = json!({"metadata": {}, "spec": {"token": ""}, "status": status});
            Ok::<_, Infallible>(Response::new(Body::from(serde_json::to_vec(&review).unwrap())))
        }
    };
    kube::Client::new(service_fn(answer), "karez-system")
}

fn pods(node: &str) -> OwnPods {
    let pod =
        OwnPod { name: "karez-node-x".to_owned(), program: Program::NodeProxy, node: Some(node.to_owned()) };
    OwnPods::from([("u1".to_owned(), pod)])
}

#[tokio::test]
async fn the_api_server_is_asked_once_for_a_token() {
    let asked = Arc::default();
    let (_pods, reader) = watch::channel(Arc::new(pods("n1")));
    let reviewer = TokenReviewer::new(api_server(Arc::clone(&asked)), "karez-system", reader);
    for _ in 0..3 {
        let caller = reviewer.authenticate("known").await.unwrap().caller().unwrap();
        assert_eq!(caller, Caller::NodeProxy { node: "n1".to_owned(), pod: Some("u1".to_owned()) });
        assert_eq!(reviewer.authenticate("stranger").await.unwrap_err().code(), Code::Unauthenticated);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn what_the_api_server_said_is_asked_again_after_a_while() {
    let asked = Arc::default();
    let (_pods, reader) = watch::channel(Arc::new(pods("n1")));
    let reviewer = TokenReviewer::new(api_server(Arc::clone(&asked)), "karez-system", reader);
    reviewer.authenticate("known").await.unwrap();
    tokio::time::advance(ACCEPTED_FOR).await;
    reviewer.authenticate("known").await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_the_watch_does_not_have_is_waited_for_and_then_refused() {
    let (sender, reader) = watch::channel(Arc::default());
    let reviewer = TokenReviewer::new(api_server(Arc::default()), "karez-system", reader);
    assert_eq!(reviewer.authenticate("known").await.unwrap_err().code(), Code::Unauthenticated);
    // On another node than the token says.
    sender.send_replace(Arc::new(pods("n2")));
    assert_eq!(reviewer.authenticate("known").await.unwrap_err().code(), Code::Unauthenticated);
    let (late, ()) = tokio::join!(reviewer.authenticate("known"), async {
        tokio::task::yield_now().await;
        sender.send_replace(Arc::new(pods("n1")));
    });
    assert!(late.is_ok());
}

#[tokio::test]
async fn a_caller_is_one_for_as_long_as_its_pod_lives() {
    let (sender, reader) = watch::channel(Arc::new(pods("n1")));
    let reviewer = TokenReviewer::new(api_server(Arc::default()), "karez-system", reader);
    let mut credential = reviewer.authenticate("known").await.unwrap();
    let caller = credential.caller().unwrap();
    sender.send_replace(Arc::default());
    assert_eq!(credential.revoked(&caller).await.code(), Code::Unauthenticated);
    assert_eq!(credential.caller().unwrap_err().code(), Code::Unauthenticated);
}
