use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::authority::Authority;
use crate::fake_controller::NodeFiles;

/// Whether who presents `server` is taken for the controller, with this CA file and these learned roots.
async fn is_believed(server: ServerConfig, file: &Authority, learned: Option<&Authority>) -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        TlsAcceptor::from(Arc::new(server)).accept(tcp).await.ok()
    });
    let url = format!("http://127.0.0.1:{port}").parse().unwrap();
    let files = NodeFiles::new(file);
    let connected = connect(url, files.settings(port).into(), learned.map(|root| root.bundle("mesh"))).await;
    serving.await.unwrap();
    match connected {
        Ok(_) => true,
        Err(ConnectError::Tls { learned: known, .. }) => {
            assert_eq!(known, usize::from(learned.is_some()));
            false
        }
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn the_controller_is_proven_by_the_file_or_by_what_was_learned() {
    let [old, new, other] = ["old", "new", "other"].map(Authority::root);
    for (server, learned, believed) in [
        (old.controller(), None, true),
        (old.controller(), Some(&new), true),
        (new.controller(), Some(&new), true),
        (new.controller(), None, false),
        (new.controller(), Some(&other), false),
    ] {
        assert_eq!(is_believed(server, &old, learned).await, believed);
    }
}

#[tokio::test]
async fn no_workload_of_the_mesh_passes_for_the_controller() {
    let root = Authority::root("mesh");
    assert!(!is_believed(root.workload_in_its_place(), &root, Some(&root)).await);
}
