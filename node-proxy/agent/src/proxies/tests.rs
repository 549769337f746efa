use std::os::unix::fs::MetadataExt as _;

use super::*;

#[tokio::test]
async fn a_node_proxy_of_any_uid_can_write_to_a_socket_that_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.sock");
    let _listener = listen(&Address::Path(path.clone())).unwrap();
    assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o666);
}
