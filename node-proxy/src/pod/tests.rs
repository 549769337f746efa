use std::pin::pin;
use std::sync::Arc;

use tokio::runtime::Runtime;

use crate::assignment::tests::pod;

#[test]
fn a_pod_is_closed_when_nobody_holds_it() {
    let runtime = Runtime::new().unwrap();
    let pod = pod(&runtime, "web", 8);
    let held = Arc::clone(&pod);
    let mut closed = pin!(pod.closed());
    let mut is_closed = || {
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = &mut closed => true,
                () = std::future::ready(()) => false,
            }
        })
    };
    pod.leave();
    drop(pod);
    assert!(!is_closed(), "a connection holds it");
    drop(held);
    assert!(is_closed());
}
