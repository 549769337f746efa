use super::*;

#[tokio::test(start_paused = true)]
async fn a_restarted_container_stays_uninstalled_and_a_new_pod_begins_anew() {
    let pod = tempfile::tempdir().unwrap();
    let marker = Some(pod.path().join("uninstalled"));
    let uninstall = Uninstall::new(marker.clone());
    assert!(!uninstall.is_requested());
    uninstall.request().await;
    assert!(uninstall.is_requested());
    assert!(Uninstall::new(marker).is_requested(), "the container was restarted");

    let other = tempfile::tempdir().unwrap();
    assert!(!Uninstall::new(Some(other.path().join("uninstalled"))).is_requested(), "another Pod");
}

#[tokio::test(start_paused = true)]
async fn the_controller_has_some_time_to_tell_the_node_proxies() {
    let uninstall = Uninstall::new(None);
    assert!(!uninstall.is_due(false), "nobody asked");
    uninstall.request().await;
    assert!(uninstall.is_due(false), "nobody is going to tell, or all have been told");
    assert!(!uninstall.is_due(true));
    tokio::time::advance(ANNOUNCED_WITHIN).await;
    assert!(uninstall.is_due(true));
}

#[test]
fn nothing_is_left_of_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    fs::create_dir(folder.path().join("pods/shop")).unwrap();
    let socket = folder.path().join("agent.sock");
    fs::write(&socket, "").unwrap();
    remove_state(&store, &[&socket, &folder.path().join("node-proxies.json")]).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_record_of_a_pod_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    fs::create_dir(folder.path().join("pods/shop")).unwrap();
    fs::write(folder.path().join("pods/shop/web"), "").unwrap();
    remove_state(&store, &[]).unwrap_err();
    assert!(folder.path().join("pods/shop/web").exists());
}
