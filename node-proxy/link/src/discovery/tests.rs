//! Against a real server: streams that open, resume, and answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use karez_api::discovery::DeltaDiscoveryRequest;
use karez_api::names::type_url;
use karez_api::security::Authorization;
use karez_api::settings::{MeshSettings, NamespaceSettings, TrustBundle};
use karez_api::workload::{Address, Workload, address};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::Status as GrpcStatus;

use super::*;
use crate::authority::Authority;
use crate::fake_controller::{FakeController, NodeFiles, PATIENCE, Session};

fn workload(uid: &str, address: &[u8]) -> Address {
    let workload = Workload {
        uid: uid.to_owned(),
        name: uid.to_owned(),
        namespace: "shop".to_owned(),
        addresses: vec![address.to_vec()],
        ..Workload::default()
    };
    Address { r#type: Some(address::Type::Workload(workload)) }
}

/// A server, and a node that follows it.
struct Pair {
    root: Arc<Authority>,
    server: FakeController,
    files: NodeFiles,
    view: DiscoveryView,
    _following: JoinHandle<()>,
}

impl Pair {
    async fn start() -> Self {
        Self::with_server_of(ServedTypes::All).await
    }

    async fn with_server_of(types: ServedTypes) -> Self {
        let root = Arc::new(Authority::root("controller"));
        let server = FakeController::serving(types, Arc::clone(&root), 0).await;
        let files = NodeFiles::new(&root);
        let (store, view) = Store::new();
        let following = tokio::spawn(run(files.controller_of(server.port, &view), store));
        Self { root, server, files, view, _following: following }
    }
}

/// The requests for every type that Karez's controller serves, by type.
async fn opening(session: &mut Session) -> HashMap<String, DeltaDiscoveryRequest> {
    opening_of(ServedTypes::All, session).await
}

async fn opening_of(types: ServedTypes, session: &mut Session) -> HashMap<String, DeltaDiscoveryRequest> {
    let mut requests = HashMap::new();
    for _ in Kind::served(types) {
        let request = session.next().await;
        requests.insert(request.type_url.clone(), request);
    }
    requests
}

async fn push_own_types(session: &mut Session, root: &Authority) {
    let settings = MeshSettings { trust_domain: "mesh".to_owned(), ..MeshSettings::default() };
    let bundle = TrustBundle { trust_domain: "mesh".to_owned(), roots: vec![root.pem()] };
    session.push(type_url::MESH, &[("default", "1", settings)], &[]).await;
    session.push::<NamespaceSettings>(type_url::NAMESPACE, &[], &[]).await;
    session.push(type_url::TRUST_BUNDLE, &[("mesh", "1", bundle)], &[]).await;
}

async fn synced(view: &mut DiscoveryView) {
    timeout(PATIENCE, view.synced.wait_for(|synced| *synced == Synced::Complete)).await.unwrap().unwrap();
}

async fn connected(view: &mut DiscoveryView, wanted: bool) {
    timeout(PATIENCE, view.status.wait_for(|status| status.connected == wanted)).await.unwrap().unwrap();
}

#[tokio::test]
async fn everything_received_is_applied_acknowledged_and_synced() {
    let mut pair = Pair::start().await;
    let mut session = pair.server.stream().await;
    assert_eq!(session.metadata.get("authorization").unwrap(), "Bearer first");
    assert!(session.metadata.contains_key("karez-takes-parts"));
    let requests = opening(&mut session).await;
    let node = requests.values().find_map(|request| request.node.as_ref()).unwrap();
    assert!(node.metadata.as_ref().unwrap().fields.contains_key("NODE_NAME"));
    push_own_types(&mut session, &pair.root).await;
    assert_eq!(*pair.view.synced.borrow(), Synced::Waiting);
    session.push::<Authorization>(type_url::AUTHORIZATION, &[], &[]).await;
    assert_eq!(*pair.view.synced.borrow(), Synced::Waiting, "no workloads yet");
    let ack = session.push(type_url::ADDRESS, &[("a", "1", workload("a", &[10, 0, 0, 1]))], &[]).await;
    assert_eq!(ack.response_nonce, format!("nonce of {}", type_url::ADDRESS));
    assert_eq!(ack.error_detail, None);
    synced(&mut pair.view).await;
    assert!(pair.view.mesh.borrow().workload("a").is_some());
    assert_eq!(pair.view.bundles.borrow().find("mesh").unwrap().len(), 1);
    let status = pair.view.status.borrow().clone();
    assert!(status.connected);
    assert_eq!(status.configuration_version, format!("1@{}", type_url::ADDRESS));
}

#[tokio::test]
async fn one_bad_object_is_refused_by_name_and_the_rest_applied() {
    let mut pair = Pair::start().await;
    let mut session = pair.server.stream().await;
    opening(&mut session).await;
    let resources =
        [("bad", "1", workload("bad", &[1, 2, 3])), ("good", "1", workload("good", &[10, 0, 0, 1]))];
    let nack = session.push(type_url::ADDRESS, &resources, &[]).await;
    let detail = nack.error_detail.unwrap();
    assert_eq!(detail.code, 3);
    assert!(detail.message.starts_with("bad: ") && !detail.message.contains("good"), "{}", detail.message);
    let mesh = Arc::clone(&pair.view.mesh.borrow_and_update());
    assert!(mesh.workload("good").is_some() && mesh.workload("bad").is_none());
    let ack =
        session.push(type_url::ADDRESS, &[("bad", "2", workload("bad", &[10, 0, 0, 2]))], &["good"]).await;
    assert_eq!(ack.error_detail, None);
    let mesh = Arc::clone(&pair.view.mesh.borrow());
    assert!(mesh.workload("good").is_none() && mesh.workload("bad").is_some());
}

#[tokio::test]
async fn a_policy_that_cannot_be_decoded_is_held_as_one_that_refuses() {
    let mut pair = Pair::start().await;
    let mut session = pair.server.stream().await;
    opening(&mut session).await;
    // A workload's bytes are no policy.
    let nack = session.push(type_url::AUTHORIZATION, &[("shop/p", "1", workload("x", &[0xff]))], &[]).await;
    assert!(nack.error_detail.unwrap().message.starts_with("shop/p: "));
    let mesh = Arc::clone(&pair.view.mesh.borrow());
    let policy = mesh.policy(&karez_mesh::PolicyName::new("shop", "p")).unwrap();
    assert_eq!(policy.body, karez_mesh::object::policy::Body::Unreadable);
}

#[tokio::test]
async fn a_trust_bundle_that_cannot_be_used_leaves_the_last_in_force() {
    let mut pair = Pair::start().await;
    let mut session = pair.server.stream().await;
    opening(&mut session).await;
    push_own_types(&mut session, &pair.root).await;
    let bad = TrustBundle { trust_domain: "mesh".to_owned(), roots: vec!["no PEM".to_owned()] };
    let nack = session.push(type_url::TRUST_BUNDLE, &[("mesh", "2", bad)], &[]).await;
    assert!(nack.error_detail.is_some());
    session.push::<TrustBundle>(type_url::TRUST_BUNDLE, &[], &["mesh"]).await;
    assert_eq!(pair.view.bundles.borrow().find("mesh").unwrap().len(), 1);
}

#[tokio::test]
async fn the_next_stream_resumes_where_the_last_ended() {
    let mut pair = Pair::start().await;
    let mut session = pair.server.stream().await;
    let first = opening(&mut session).await;
    assert!(first.values().all(|request| request.initial_resource_versions.is_empty()));
    let two = [("a", "1", workload("a", &[10, 0, 0, 1])), ("b", "7", workload("b", &[10, 0, 0, 2]))];
    session.push(type_url::ADDRESS, &two, &[]).await;
    session.push::<Authorization>(type_url::AUTHORIZATION, &[], &[]).await;
    pair.files.write_token("second");
    session.fail(GrpcStatus::unavailable("restarting")).await;

    let mut session = pair.server.stream().await;
    assert_eq!(session.metadata.get("authorization").unwrap(), "Bearer second");
    let requests = opening(&mut session).await;
    let held = &requests[type_url::ADDRESS].initial_resource_versions;
    let wanted = HashMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "7".to_owned())]);
    assert_eq!(held, &wanted);
    assert!(requests.values().any(|request| request.node.is_some()), "each stream says who asks");
    session.push::<Authorization>(type_url::AUTHORIZATION, &[], &[]).await;
    assert!(pair.view.mesh.borrow().workload("a").is_some(), "what was known is still known");
    session.push::<Address>(type_url::ADDRESS, &[], &["a"]).await;
    let mesh = Arc::clone(&pair.view.mesh.borrow());
    assert!(mesh.workload("a").is_none() && mesh.workload("b").is_some());
}

#[tokio::test]
async fn a_controller_that_comes_back_under_another_root_is_found_again() {
    let mut pair = Pair::start().await;
    let mut session = pair.server.stream().await;
    opening(&mut session).await;
    session.push(type_url::ADDRESS, &[("a", "1", workload("a", &[10, 0, 0, 1]))], &[]).await;
    session.push::<Authorization>(type_url::AUTHORIZATION, &[], &[]).await;
    push_own_types(&mut session, &pair.root).await;
    connected(&mut pair.view, true).await;
    synced(&mut pair.view).await;

    let port = pair.server.port;
    drop(pair.server);
    drop(session);
    connected(&mut pair.view, false).await;
    assert_eq!(*pair.view.synced.borrow(), Synced::Complete, "never unlearnt");
    assert!(pair.view.mesh.borrow().workload("a").is_some());

    let other = Arc::new(Authority::root("another"));
    let mut server = FakeController::start(Arc::clone(&other), port).await;
    pair.files.write_ca(&other);
    let mut session = server.stream().await;
    assert_eq!(opening(&mut session).await[type_url::ADDRESS].initial_resource_versions.len(), 1);
    connected(&mut pair.view, true).await;
}

#[tokio::test]
async fn a_controller_under_a_root_that_the_mesh_has_announced_is_found_again_with_an_old_file() {
    let mut pair = Pair::start().await;
    let mut session = pair.server.stream().await;
    opening(&mut session).await;
    push_own_types(&mut session, &pair.root).await;
    let next = Arc::new(Authority::root("next"));
    let bundle = TrustBundle { trust_domain: "mesh".to_owned(), roots: vec![next.pem()] };
    session.push(type_url::TRUST_BUNDLE, &[("mesh", "2", bundle)], &[]).await;
    connected(&mut pair.view, true).await;

    let port = pair.server.port;
    drop(pair.server);
    drop(session);
    connected(&mut pair.view, false).await;
    let mut server = FakeController::start(next, port).await;
    opening(&mut server.stream().await).await;
    connected(&mut pair.view, true).await;
}

/// Istio's control plane ends a stream that asks for a type which it does not know.
#[tokio::test]
async fn a_control_plane_without_karezs_types_is_asked_for_its_own_alone() {
    let mut pair = Pair::with_server_of(ServedTypes::Istio).await;
    let mut session = pair.server.stream().await;
    let requests = opening_of(ServedTypes::Istio, &mut session).await;
    let node = requests.values().find_map(|request| request.node.as_ref()).unwrap();
    assert_eq!(node.id, "ztunnel~0.0.0.0~n1.karez-system~karez-system.svc.cluster.local");
    session.push::<Authorization>(type_url::AUTHORIZATION, &[], &[]).await;
    assert_eq!(*pair.view.synced.borrow(), Synced::Waiting, "no workloads yet");
    session.push(type_url::ADDRESS, &[("a", "1", workload("a", &[10, 0, 0, 1]))], &[]).await;
    synced(&mut pair.view).await;
    session.push::<Address>(type_url::ADDRESS, &[], &["a"]).await;
    assert!(pair.view.mesh.borrow().workload("a").is_none(), "the stream goes on");
}

/// In whichever order the two take each other's place.
#[tokio::test]
async fn each_stream_asks_for_what_its_own_controller_serves() {
    let mut pair = Pair::start().await;
    let port = pair.server.port;
    let mut held_before = 0;
    for types in [ServedTypes::All, ServedTypes::Istio, ServedTypes::All, ServedTypes::Istio] {
        pair.server.stop().await;
        pair.server = FakeController::serving(types, Arc::clone(&pair.root), port).await;
        let mut session = pair.server.stream().await;
        let requests = opening_of(types, &mut session).await;
        assert_eq!(requests[type_url::ADDRESS].initial_resource_versions.len(), held_before, "{types:?}");
        if types == ServedTypes::All {
            // What one has said of the mesh's settings is held while another says nothing of them.
            assert_eq!(requests[type_url::MESH].initial_resource_versions.len(), held_before, "{types:?}");
            push_own_types(&mut session, &pair.root).await;
        }
        session.push::<Authorization>(type_url::AUTHORIZATION, &[], &[]).await;
        session.push(type_url::ADDRESS, &[("a", "1", workload("a", &[10, 0, 0, 1]))], &[]).await;
        synced(&mut pair.view).await;
        assert!(pair.view.bundles.borrow().find("mesh").is_some(), "{types:?}");
        held_before = 1;
    }
}

#[tokio::test]
async fn resources_of_an_unknown_type_are_ignored() {
    let mut pair = Pair::start().await;
    let mut session = pair.server.stream().await;
    opening(&mut session).await;
    let unknown = "type.googleapis.com/karez.route.Unheard";
    let resources = [("a", "1", workload("a", &[10, 0, 0, 1]))];
    // Whatever came first would be the answer to it.
    let unanswered = async { session.push(unknown, &resources, &[]).await };
    assert!(timeout(Duration::from_millis(50), unanswered).await.is_err());
    session.push(type_url::ADDRESS, &[("b", "1", workload("b", &[10, 0, 0, 1]))], &[]).await;
    assert!(pair.view.mesh.borrow().workload("a").is_none());
}
