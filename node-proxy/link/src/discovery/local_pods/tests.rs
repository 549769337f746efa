use karez_api::discovery::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, Node};
use prost::Message as _;

use super::*;

fn pod(uid: &str) -> wire::LocalPod {
    wire::LocalPod {
        uid: uid.to_owned(),
        namespace: "shop".to_owned(),
        name: "web".to_owned(),
        service_account: "web".to_owned(),
        addresses: vec![vec![10, 0, 0, 1], vec![0; 16]],
        enrolled: true,
        node_proxy: false,
    }
}

fn resource(name: &str, pod: &wire::LocalPod) -> Resource {
    let any = prost_types::Any { type_url: type_url::LOCAL_POD.to_owned(), value: pod.encode_to_vec() };
    Resource { name: name.to_owned(), version: "1".to_owned(), resource: Some(any), ..Resource::default() }
}

fn namespace(name: &str, enrolled: bool) -> Resource {
    let message = NamespaceSettings { name: name.to_owned(), enrolled, ..Default::default() };
    let any = prost_types::Any { type_url: type_url::NAMESPACE.to_owned(), value: message.encode_to_vec() };
    Resource { name: name.to_owned(), version: "1".to_owned(), resource: Some(any), ..Resource::default() }
}

/// A response with all the namespaces that are new.
fn namespaces(version: &str, resources: Vec<Resource>, removed: &[&str]) -> DeltaDiscoveryResponse {
    DeltaDiscoveryResponse {
        type_url: type_url::NAMESPACE.to_owned(),
        ..response(version, resources, removed)
    }
}

/// A stream on which the namespaces have come.
async fn open(store: &mut Store<LocalPodsSink>) {
    store.open(&Node::default());
    store.take(namespaces("", vec![namespace("shop", true), namespace("other", false)], &[])).await;
}

fn response(version: &str, resources: Vec<Resource>, removed: &[&str]) -> DeltaDiscoveryResponse {
    DeltaDiscoveryResponse {
        type_url: type_url::LOCAL_POD.to_owned(),
        system_version_info: version.to_owned(),
        resources,
        removed_resources: removed.iter().map(ToString::to_string).collect(),
        ..DeltaDiscoveryResponse::default()
    }
}

fn uids(view: &LocalPodsView) -> Vec<String> {
    view.pods.borrow().keys().cloned().collect()
}

fn refused(answer: Option<DeltaDiscoveryRequest>) -> Option<String> {
    answer.unwrap().error_detail.map(|detail| detail.message)
}

#[tokio::test]
async fn a_stream_asks_for_local_pods_and_namespaces_alone() {
    let (mut store, _view) = Store::local_pods();
    let asked: Vec<_> = store.open(&Node::default()).into_iter().map(|request| request.type_url).collect();
    assert_eq!(asked, [type_url::LOCAL_POD, type_url::NAMESPACE]);
    assert_eq!(store.opened(crate::discovery::ServedTypes::All), []);
}

#[tokio::test]
async fn pods_come_change_and_go_by_uid_once_a_moment_is_whole() {
    let (mut store, view) = Store::local_pods();
    open(&mut store).await;
    store.take(response("", vec![resource("n1/a", &pod("a"))], &[])).await;
    assert_eq!((uids(&view), *view.synced.borrow()), (vec!["a".to_owned()], Synced::Waiting));
    store.take(response("1", vec![resource("n1/b", &pod("b"))], &[])).await;
    assert_eq!((uids(&view).len(), *view.synced.borrow()), (2, Synced::Complete));
    let proxy = wire::LocalPod { node_proxy: true, ..pod("b") };
    store.take(response("2", vec![resource("n1/b", &proxy)], &["n1/a", "n1/unknown"])).await;
    assert_eq!(uids(&view), ["b"]);
    assert_eq!(view.pods.borrow()["b"].membership, Membership::NodeProxy, "a node proxy is never enrolled");
    store.close();
    assert_eq!(uids(&view), ["b"], "what is known outlives the controller");
}

#[tokio::test]
async fn what_is_no_pod_costs_itself_alone() {
    let (mut store, view) = Store::local_pods();
    open(&mut store).await;
    let bad = wire::LocalPod { addresses: vec![vec![1]], ..pod("c") };
    let bad = [
        resource("n1/a", &pod("other")),
        resource("n1/", &pod("")),
        resource("n1/c", &bad),
        Resource { resource: None, ..resource("n1/d", &pod("d")) },
    ];
    for resource in bad {
        let name = resource.name.clone();
        let refusal = refused(store.take(response("1", vec![resource], &[])).await);
        assert!(refusal.is_some_and(|words| words.starts_with(&name)), "{name}");
    }
    assert_eq!(refused(store.take(response("1", vec![resource("n1/e", &pod("e"))], &[])).await), None);
    assert_eq!(uids(&view), ["e"]);
}

#[tokio::test]
async fn namespaces_in_the_mesh_are_known_without_a_pod_and_outlive_the_controller() {
    let (mut store, view) = Store::local_pods();
    let known = || view.namespaces.borrow().iter().cloned().collect::<Vec<_>>();
    open(&mut store).await;
    assert_eq!((known(), *view.synced.borrow()), (vec!["shop".to_owned()], Synced::Waiting));
    store.take(response("1", Vec::new(), &[])).await;
    assert_eq!((known(), *view.synced.borrow()), (vec!["shop".to_owned()], Synced::Complete));
    store.take(namespaces("2", vec![namespace("other", true), namespace("shop", false)], &[])).await;
    assert_eq!(known(), ["other"]);
    store.close();
    assert_eq!(known(), ["other"]);
    open(&mut store).await;
    let wrong = Resource { name: "shop".to_owned(), ..namespace("bank", true) };
    let refusal = refused(store.take(namespaces("3", vec![wrong], &["other"])).await);
    assert!(refusal.is_some_and(|words| words.starts_with("shop")));
    store.take(response("3", Vec::new(), &[])).await;
    assert_eq!(known(), ["shop"]);
}
