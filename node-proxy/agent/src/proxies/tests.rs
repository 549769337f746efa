use std::os::unix::fs::MetadataExt as _;

use super::*;

#[tokio::test]
async fn a_node_proxy_of_any_uid_can_write_to_a_socket_that_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made/node.sock");
    let _listener = listen(&Address::Path(path.clone())).unwrap();
    assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o666);
}

/// How long an agent whose node proxy has this process's uid plus `above` sleeps over ten connections that end at once.
async fn slept_over_ten(above: u32) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let address = Address::Path(folder.path().join("node.sock"));
    let uids = [folder.path().metadata().unwrap().uid() + above];
    let serving = accept(listen(&address).unwrap(), 64, &uids, |_| async {});
    let connecting = async {
        // Time goes on only where somebody sleeps.
        let begin = Instant::now();
        for _ in 0..10 {
            let channel = Channel::connect(&address, None, 64).unwrap();
            assert!(channel.receive().await.unwrap().is_none());
        }
        begin.elapsed()
    };
    tokio::select! {
        () = serving => panic!("it ends never"),
        slept = connecting => slept,
    }
}

#[tokio::test(start_paused = true)]
async fn strangers_are_turned_away_without_a_pause() {
    assert_eq!(slept_over_ten(1).await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_node_proxy_that_reconnects_in_a_circle_does_not_take_the_agents_time() {
    assert!(slept_over_ten(0).await >= PAUSE * 9);
}
