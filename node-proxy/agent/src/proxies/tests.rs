use std::os::unix::fs::MetadataExt as _;

use super::*;

#[tokio::test]
async fn a_socket_that_is_a_file_is_its_node_proxys_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.sock");
    let uid = folder.path().metadata().unwrap().uid();
    let _listener = listen(&Address::Path(path.clone()), uid).unwrap();
    let made = path.metadata().unwrap();
    assert_eq!((made.uid(), made.mode() & 0o777), (uid, 0o600));
}
