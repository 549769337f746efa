use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, Response};
use kube::client::Body;
use serde_json::json;
use tonic::Code;
use tower::service_fn;

use super::*;
use crate::callers::own_pods::{OwnPod, OwnPods, Program};
use crate::callers::review_limiter::BURST;

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

/// A token of the node proxies' account, as the API server signs it or as somebody makes it up.
fn token(signature: &str) -> String {
    let account = "system:serviceaccount:karez-system:karez-node";
    let claims = json!({"aud": [TOKEN_AUDIENCE], "sub": account, "exp": u64::MAX});
    claims::tests::token(&claims, signature)
}

/// An API server that knows one token, the node proxy's on `n1`, and counts what it is asked.
fn api_server(asked: Arc<AtomicUsize>) -> kube::Client {
    let answer = move |request: Request<Body>| {
        let asked = Arc::clone(&asked);
        async move {
            asked.fetch_add(1, Ordering::Relaxed);
            let review = request.into_body().collect_bytes().await.unwrap();
            let review: TokenReview = serde_json::from_slice(&review).unwrap();
            let status = match review.spec.token {
                known if known == token("known") => json!({
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
        let caller = reviewer.authenticate(&token("known"), ADDRESS).await.unwrap().caller().unwrap();
        assert_eq!(caller, Caller::NodeProxy { node: "n1".to_owned(), pod: Some("u1".to_owned()) });
        assert_eq!(
            reviewer.authenticate(&token("stranger"), ADDRESS).await.unwrap_err().code(),
            Code::Unauthenticated
        );
    }
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn what_the_api_server_said_is_asked_again_after_a_while() {
    let asked = Arc::default();
    let (_pods, reader) = watch::channel(Arc::new(pods("n1")));
    let reviewer = TokenReviewer::new(api_server(Arc::clone(&asked)), "karez-system", reader);
    reviewer.authenticate(&token("known"), ADDRESS).await.unwrap();
    tokio::time::advance(ACCEPTED_FOR).await;
    reviewer.authenticate(&token("known"), ADDRESS).await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_the_watch_does_not_have_is_waited_for_and_then_refused() {
    let (sender, reader) = watch::channel(Arc::default());
    let reviewer = TokenReviewer::new(api_server(Arc::default()), "karez-system", reader);
    assert_eq!(
        reviewer.authenticate(&token("known"), ADDRESS).await.unwrap_err().code(),
        Code::Unauthenticated
    );
    // On another node than the token says.
    sender.send_replace(Arc::new(pods("n2")));
    assert_eq!(
        reviewer.authenticate(&token("known"), ADDRESS).await.unwrap_err().code(),
        Code::Unauthenticated
    );
    let known = token("known");
    let (late, ()) = tokio::join!(reviewer.authenticate(&known, ADDRESS), async {
        tokio::task::yield_now().await;
        sender.send_replace(Arc::new(pods("n1")));
    });
    assert!(late.is_ok());
}

#[tokio::test]
async fn a_caller_is_one_for_as_long_as_its_pod_lives() {
    let (sender, reader) = watch::channel(Arc::new(pods("n1")));
    let reviewer = TokenReviewer::new(api_server(Arc::default()), "karez-system", reader);
    let mut credential = reviewer.authenticate(&token("known"), ADDRESS).await.unwrap();
    let caller = credential.caller().unwrap();
    sender.send_replace(Arc::default());
    assert_eq!(credential.revoked(&caller).await.code(), Code::Unauthenticated);
    assert_eq!(credential.caller().unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test(start_paused = true)]
async fn made_up_tokens_of_one_address_do_not_hammer_the_api_server_nor_lock_others_out() {
    let asked = Arc::default();
    let (_pods, reader) = watch::channel(Arc::new(pods("n1")));
    let reviewer = TokenReviewer::new(api_server(Arc::clone(&asked)), "karez-system", reader);
    reviewer.authenticate(&token("known"), ADDRESS).await.unwrap();
    let attacker = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 66));
    for number in 0..ANSWERS.get() + 1 {
        let junk = reviewer.authenticate(&format!("junk {number}"), attacker).await.unwrap_err();
        assert_eq!(junk.code(), Code::Unauthenticated);
        assert!(reviewer.authenticate(&token(&number.to_string()), attacker).await.is_err());
    }
    // Those of a burst, and the one of the node proxy: it is still remembered.
    let burst = usize::try_from(BURST).unwrap();
    reviewer.authenticate(&token("known"), ADDRESS).await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), burst + 1);
    // A token that is not remembered is asked about, of another address.
    assert_eq!(
        reviewer.authenticate(&token("other"), ADDRESS).await.unwrap_err().code(),
        Code::Unauthenticated
    );
    assert_eq!(asked.load(Ordering::Relaxed), burst + 2);
}
