//! Karez's own node proxy's client against the controller.

use std::sync::Arc;

use karez_api::identity::Identity;
use karez_api::operator::RootPhase;
use karez_link::certificates::State;
use karez_link::controller::{LearnedRoots, Settings};
use karez_link::discovery::{DiscoveryView, Store, Synced, run};
use karez_link::{Certificates, ControllerClient};
use tokio::task::JoinSet;

use super::harness::*;

fn shop() -> String {
    [NAMESPACE, &pod("web", "node-1", "10.0.0.1")].concat()
}

/// A node proxy's connection, for as long as it is held.
struct Node {
    view: DiscoveryView,
    certificates: Certificates,
    _work: JoinSet<()>,
}

impl Node {
    fn start(scene: &Scene) -> Self {
        std::fs::write(scene.path("token"), NODE_1).unwrap();
        let settings = Settings {
            url: format!("https://127.0.0.1:{}", scene.controller().address().port()),
            ca_file: scene.path("state/root.pem"),
            token_file: scene.path("token"),
            node: "node-1".to_owned(),
            namespace: "karez-system".to_owned(),
            cluster_id: "Kubernetes".to_owned(),
        };
        let (store, view) = Store::new();
        let controller = ControllerClient::new(settings, LearnedRoots::of(&view)).unwrap();
        let (certificates, renewals) = Certificates::new(view.bundles.clone());
        let mut work = JoinSet::new();
        work.spawn(run(controller.clone(), store));
        work.spawn(renewals.run(controller));
        Self { view, certificates, _work: work }
    }

    async fn synced(&mut self) {
        within(self.view.synced.wait_for(|synced| *synced == Synced::Complete)).await.unwrap();
    }
}

#[tokio::test]
async fn it_learns_the_mesh_and_gets_its_certificates_through_a_rotation() {
    let scene = Scene::new(&shop(), &["--leaf-lifetime=4s"]).await;
    let mut node = Node::start(&scene);
    node.synced().await;
    let stated = node.view.mesh.borrow().settings().stated_trust_domain.clone();
    assert_eq!(stated.as_deref(), Some("cluster.local"), "complete means that the settings are there");
    let uid = "Kubernetes//Pod/shop/web";
    let workload = node.view.mesh.borrow().workload(uid).cloned().unwrap();
    assert_eq!(&*workload.name, "web");

    let web: Identity = "spiffe://cluster.local/ns/shop/sa/web".parse().unwrap();
    let mut states = node.certificates.want(&web);
    let first = ready(&mut states, |_| true).await;
    scene.status_when(|status| status.nodes[0].in_sync).await;

    let mut operator = scene.operator().await;
    let rotate = authorized(karez_api::operator::RotateRootRequest::default(), OPERATOR);
    within(operator.rotate_root(rotate)).await.unwrap();
    // The node acknowledges of itself, and its next certificate comes from the new root.
    scene.status_when(|status| status.roots.iter().any(|root| root.phase() == RootPhase::Retiring)).await;
    let second = ready(&mut states, |not_after| not_after > first).await;
    assert!(second > first);
    scene.status_when(|status| status.roots.len() == 1).await;
    let third = ready(&mut states, |not_after| not_after > second).await;
    assert!(third > second);
}

/// Waits for a certificate that ends as wanted. Never is there none once there was one.
async fn ready(
    states: &mut tokio::sync::watch::Receiver<State>,
    wanted: impl Fn(std::time::SystemTime) -> bool,
) -> std::time::SystemTime {
    let state = within(states.wait_for(|state| match state {
        State::Ready { credential, .. } => wanted(credential.not_after()),
        State::Waiting { .. } => false,
        State::Expired { .. } | State::Unrooted { .. } => panic!("{state:?}"),
    }))
    .await
    .unwrap();
    match &*state {
        State::Ready { credential, .. } => credential.not_after(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn it_keeps_what_it_knows_while_the_controller_restarts() {
    let mut scene = Scene::new(&shop(), &[]).await;
    let mut node = Node::start(&scene);
    node.synced().await;
    let mesh = Arc::clone(&node.view.mesh.borrow());
    let port = scene.controller().address().port();
    scene.stop().await;
    within(node.view.status.wait_for(|status| !status.connected)).await.unwrap();
    assert_eq!(*node.view.synced.borrow(), Synced::Complete);
    assert!(node.view.mesh.borrow().workload("Kubernetes//Pod/shop/web").is_some());
    scene.start_on(port).await;
    scene.status_when(|status| status.nodes[0].in_sync).await;
    let again = Arc::clone(&node.view.mesh.borrow());
    let kept = |mesh: &karez_mesh::Mesh| mesh.workload("Kubernetes//Pod/shop/web").cloned().unwrap();
    assert!(Arc::ptr_eq(&kept(&mesh), &kept(&again)), "it was not sent again");
}
