use super::harness::{SHOP, Scene, karez};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_shown_and_is_the_exit_status() {
    let scene = Scene::new(SHOP).await;
    let run = scene.karez(&["status"]).await;
    assert_eq!(run.status, 1, "{run:?}");
    for expected in ["trust domain cluster.local", "node-1", "shop/web", "signing", "is not connected"] {
        assert!(run.stdout.contains(expected), "{expected}: {run:?}");
    }
    let run = scene.karez(&["status", "--output=json"]).await;
    let status = run.json();
    assert_eq!(run.status, 1);
    assert_eq!(status["pods"][0]["identity"], "spiffe://cluster.local/ns/shop/sa/default");
    assert_eq!(status["pods"][0]["captured"], false);
    assert_eq!(status["nodes"][0]["reportAgeSeconds"], serde_json::Value::Null);
    assert_eq!(status["roots"][0]["phase"], "signing");
    assert_eq!(status["findings"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_well_in_a_mesh_with_nothing_in_it() {
    let scene = Scene::new("").await;
    let run = scene.karez(&["status"]).await;
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stdout.ends_with("All is well.\n"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_manifest_is_named() {
    let scene = Scene::new(&SHOP.replace("10.0.0.1", "10.0.0")).await;
    let run = scene.karez(&["status"]).await;
    assert_eq!(run.status, 1);
    assert!(run.stdout.contains("shop.yaml: Pod shop/web: status.podIP: "), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_ask_is_told_what_to_do() {
    let scene = Scene::new("").await;
    let run = scene.karez_with("state/root.pem", "node", &["status"]).await;
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("operator") && !run.stderr.contains("nodes-token"), "{run:?}");
    let run = scene.karez_with("state/root.pem", "missing", &["status"]).await;
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("--token-file"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_cannot_be_reached_is_status_3() {
    let scene = Scene::new("").await;
    let ca = format!("--controller-ca={}", scene.path("state/root.pem").display());
    let token = format!("--token-file={}", scene.path("operator").display());
    // Nobody listens on the discard port.
    let run = karez(&["status", "--controller=https://127.0.0.1:9", &ca, &token]).await;
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.stderr.contains("is karez-controller running"), "{run:?}");
    // Another authority's root.
    let other = Scene::new("").await;
    std::fs::copy(other.path("state/root.pem"), scene.path("other.pem")).unwrap();
    let run = scene.karez_with("other.pem", "operator", &["status"]).await;
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.stderr.contains("--controller-ca"), "{run:?}");
}
