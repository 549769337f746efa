use karez_api::names::type_url;
use karez_api::operator::RootPhase::{self, Announced, Retiring, Signing};
use karez_api::operator::{RootStatus, RotateRootRequest, StatusReply};
use karez_api::settings::TrustBundle;
use prost::Message;
use tonic::Code;

use super::certificates::sign_web;
use super::harness::*;

fn shop() -> String {
    [NAMESPACE, &pod("web", "node-1", "10.0.0.1")].concat()
}

async fn rotate(scene: &Scene) {
    let mut operator = scene.operator().await;
    within(operator.rotate_root(authorized(RotateRootRequest::default(), OPERATOR))).await.unwrap();
}

fn phases(status: &StatusReply) -> Vec<RootPhase> {
    status.roots.iter().map(RootStatus::phase).collect()
}

/// The next trust bundle, not yet acknowledged.
async fn bundle(stream: &mut DiscoveryStream) -> (karez_api::discovery::DeltaDiscoveryResponse, Vec<String>) {
    let response = stream.next().await.unwrap();
    let [resource] = response.resources.as_slice() else { panic!("{response:?}") };
    let roots = TrustBundle::decode(&*resource.resource.as_ref().unwrap().value).unwrap().roots;
    (response, roots)
}

fn issuer(chain: &[String], roots: &[String]) -> Vec<usize> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    use x509_parser::prelude::{FromDer, X509Certificate};
    let leaf = CertificateDer::from_pem_slice(chain[0].as_bytes()).unwrap();
    let (_, leaf) = X509Certificate::from_der(&leaf).unwrap();
    let signed = |root: &String| {
        let root = CertificateDer::from_pem_slice(root.as_bytes()).unwrap();
        let (_, root) = X509Certificate::from_der(&root).unwrap();
        leaf.verify_signature(Some(root.public_key())).is_ok()
    };
    (0..roots.len()).filter(|number| signed(&roots[*number])).collect()
}

#[tokio::test]
async fn a_rotation_goes_from_root_to_root_without_a_gap() {
    let scene = Scene::new(&shop(), &["--leaf-lifetime=2s"]).await;
    let mut stream = scene.discovery(NODE_1).await.unwrap();
    stream.subscribe(type_url::TRUST_BUNDLE).await;
    let (response, old) = bundle(&mut stream).await;
    stream.acknowledge(&response).await;
    let channel_before = scene.operator().await;
    sign_web(&scene).await;

    rotate(&scene).await;
    let (response, both) = bundle(&mut stream).await;
    assert_eq!(both.len(), 2);
    let status = scene.status_when(|status| status.roots.len() == 2).await;
    assert_eq!(phases(&status), [Signing, Announced]);
    assert_eq!(status.roots[1].waiting_for, "node node-1 to acknowledge the trust bundle");
    assert_eq!(issuer(&sign_web(&scene).await, &old), [0], "the old one signs until the new one is known");

    stream.acknowledge(&response).await;
    let status = scene.status_when(|status| phases(status) == [Signing, Retiring]).await;
    let new: Vec<String> = both.iter().filter(|root| !old.contains(root)).cloned().collect();
    assert_eq!(issuer(&sign_web(&scene).await, &new), [0]);
    assert!(status.roots[1].waiting_for.contains("expire"));
    // New connections are trusted by what root.pem holds now, and by what it held when the root was announced.
    scene.status().await;
    drop(channel_before);

    let (_, last) = bundle(&mut stream).await;
    assert_eq!(last, new, "the old one is dropped when its last certificate has expired");
    scene.status_when(|status| phases(status) == [Signing]).await;
    assert_eq!(std::fs::read_to_string(scene.path("state/root.pem")).unwrap(), new[0]);
}

#[tokio::test]
async fn a_restart_in_the_middle_goes_on_where_it_was() {
    let mut scene = Scene::new(&shop(), &["--leaf-lifetime=1h"]).await;
    sign_web(&scene).await;
    rotate(&scene).await;
    let status = scene.status().await;
    assert_eq!(phases(&status), [Signing, Announced]);
    assert!(status.roots[1].waiting_for.starts_with("node node-1 to come back"), "{status:?}");
    let roots = status.roots.iter().map(|root| root.fingerprint.clone()).collect::<Vec<_>>();

    scene.restart().await;
    let status = scene.status().await;
    assert_eq!(phases(&status), [Signing, Announced]);
    assert_eq!(status.roots.iter().map(|root| root.fingerprint.clone()).collect::<Vec<_>>(), roots);
    let mut operator = scene.operator().await;
    let again =
        within(operator.rotate_root(authorized(RotateRootRequest::default(), OPERATOR))).await.unwrap_err();
    assert_eq!(again.code(), Code::FailedPrecondition);

    let mut stream = scene.discovery(NODE_1).await.unwrap();
    stream.subscribe(type_url::TRUST_BUNDLE).await;
    let (response, _) = bundle(&mut stream).await;
    stream.acknowledge(&response).await;
    let status = scene.status_when(|status| phases(status) == [Signing, Retiring]).await;
    assert_eq!(status.roots[0].fingerprint, roots[1]);

    scene.restart().await;
    assert_eq!(phases(&scene.status().await), [Signing, Retiring]);
}

#[tokio::test]
async fn a_node_that_does_not_follow_the_bundle_has_a_leaf_lifetime_to_renew() {
    let scene = Scene::new(&shop(), &["--leaf-lifetime=3s"]).await;
    let mut stream = scene.discovery(NODE_1).await.unwrap();
    stream.subscribe(type_url::ADDRESS).await;
    let response = stream.next().await.unwrap();
    stream.acknowledge(&response).await;
    rotate(&scene).await;
    let status = scene.status().await;
    assert_eq!(phases(&status), [Signing, Announced]);
    assert!(status.roots[1].waiting_for.contains("does not follow the trust bundle"), "{status:?}");
    scene.status_when(|status| phases(status) == [Signing, Retiring]).await;
}

#[tokio::test]
async fn the_operator_goes_on_without_a_node_that_never_acknowledges() {
    let scene = Scene::new(&shop(), &["--leaf-lifetime=1h"]).await;
    let mut stream = scene.discovery(NODE_1).await.unwrap();
    stream.subscribe(type_url::TRUST_BUNDLE).await;
    let (response, old) = bundle(&mut stream).await;
    stream.acknowledge(&response).await;
    let mut operator = scene.operator().await;
    let force = || authorized(RotateRootRequest { force: true }, OPERATOR);
    let early = within(operator.rotate_root(force())).await.unwrap_err();
    assert_eq!(early.code(), Code::FailedPrecondition, "{early}");

    rotate(&scene).await;
    let (response, both) = bundle(&mut stream).await;
    let waits = ["node node-1 to acknowledge the trust bundle"];
    let status = scene.status_when(|status| status.roots.len() == 2).await;
    assert_eq!((phases(&status), &*status.roots[1].waiting_for), (vec![Signing, Announced], waits[0]));
    let forced = within(operator.rotate_root(force())).await.unwrap().into_inner();
    assert_eq!(forced.left_behind, waits);
    assert_eq!(phases(&scene.status().await), [Signing, Retiring]);
    let new: Vec<String> = both.iter().filter(|root| !old.contains(root)).cloned().collect();
    assert_eq!(issuer(&sign_web(&scene).await, &new), [0]);

    // It may still follow.
    stream.acknowledge(&response).await;
    scene.status_when(|status| status.nodes[0].in_sync).await;
}
