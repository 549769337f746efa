use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::timeout;
use tonic::Code;

use super::*;
use crate::authority::{Authority, identity};
use crate::certificates::Certificates;
use crate::fake_controller::{FakeController, NodeFiles, PATIENCE};

#[tokio::test]
async fn a_certificate_comes_over_the_wire() {
    let root = Arc::new(Authority::root("controller"));
    let mut server = FakeController::start(Arc::clone(&root), 0).await;
    let files = NodeFiles::new(&root);
    let (_bundles, bundles) = watch::channel(crate::Bundles::default());
    let (certificates, renewals) = Certificates::new(bundles);
    let _running = tokio::spawn(renewals.run(files.controller(server.port)));
    let cart = identity("mesh/ns/shop/sa/cart");
    let mut states = certificates.want(&cart);
    let ready = states.wait_for(|state| state.credential().is_some());
    let credential = Arc::clone(timeout(PATIENCE, ready).await.unwrap().unwrap().credential().unwrap());
    assert_eq!(credential.identity(), &cart);
    let (metadata, request) = server.signings.recv().await.unwrap();
    assert_eq!(metadata.get("authorization").unwrap(), "Bearer first");
    assert_eq!(metadata.get("clusterid").unwrap(), "Kubernetes");
    assert_eq!(request.validity_duration, 86_400);
}

#[tokio::test]
async fn a_controller_that_cannot_be_trusted_or_reached_is_named() {
    let root = Arc::new(Authority::root("controller"));
    let server = FakeController::start(Arc::clone(&root), 0).await;
    let files = NodeFiles::new(&Authority::root("controller"));
    let controller = files.controller(server.port);
    let cart = identity("mesh/ns/shop/sa/cart");
    let (_, csr) = crate::certificates::answer::request(&cart).unwrap();
    let ca = files.ca().display().to_string();
    let failed = async || match controller.sign(&cart, csr.clone()).await {
        Err(CallError::Answer {
            url,
            code: Code::Unavailable | Code::Unknown | Code::Cancelled,
            message,
        }) => {
            format!("{url}: {message}")
        }
        other => panic!("{other:?}"),
    };

    let error = failed().await;
    assert!(error.contains(&ca) && error.contains("certificate"), "{error}");
    std::fs::write(files.ca(), "no PEM").unwrap();
    let error = failed().await;
    assert!(error.contains(&ca) && error.contains("no PEM section"), "{error}");
    std::fs::remove_file(files.ca()).unwrap();
    let error = failed().await;
    assert!(error.contains(&ca) && error.contains("No such file"), "{error}");
    files.write_ca(&root);
    controller.sign(&cart, csr.clone()).await.unwrap();

    let port = server.port;
    drop(server);
    let error = timeout(PATIENCE, async {
        loop {
            // Until the loss of the old connection has been noticed, its end is what is told.
            let error = failed().await;
            if error.contains("refused") {
                return error;
            }
        }
    });
    assert!(error.await.unwrap().contains(&format!("127.0.0.1:{port}")));
}
