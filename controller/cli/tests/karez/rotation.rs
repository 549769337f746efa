use super::harness::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_is_waited_for_until_the_old_root_is_gone() {
    let scene = Scene::new("").await;
    let before = std::fs::read_to_string(scene.path("state/root.pem")).unwrap();
    let run = scene.karez(&["ca", "rotate", "--wait=dropped", "--output=json"]).await;
    assert_eq!(run.status, 0, "{run:?}");
    let roots = run.json()["roots"].as_array().unwrap().clone();
    assert_eq!((roots.len(), &roots[0]["phase"]), (1, &"signing".into()));
    assert!(run.stderr.contains("waiting for the last certificate that it signed to expire"), "{run:?}");
    let after = std::fs::read_to_string(scene.path("state/root.pem")).unwrap();
    assert_ne!(before, after);
    // The controller's own certificate has moved with it.
    assert_eq!(scene.karez(&["status"]).await.status, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_begins_and_the_command_returns() {
    let scene = Scene::new("").await;
    let run = scene.karez(&["ca", "rotate"]).await;
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stdout.contains("announced"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_rotation_that_is_under_way_is_forced() {
    let scene = Scene::new("").await;
    let run = scene.karez(&["ca", "rotate", "--force"]).await;
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("no root waits to sign: begin a rotation with karez ca rotate"), "{run:?}");
}
