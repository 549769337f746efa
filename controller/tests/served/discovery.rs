use std::collections::HashMap;

use karez_api::discovery::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, Node};
use karez_api::names::{metadata::NODE_NAME, type_url};
use karez_api::workload::Address;
use karez_api::workload::address::Type;
use prost::Message;
use prost_types::value::Kind;
use prost_types::{Struct, Value};
use tonic::Code;

use super::harness::*;

fn shop() -> String {
    [NAMESPACE, &pod("web", "node-1", "10.0.0.1"), &pod("db", "node-2", "10.0.0.2")].concat()
}

fn names(response: &DeltaDiscoveryResponse) -> Vec<&str> {
    let mut names: Vec<&str> = response.resources.iter().map(|resource| &*resource.name).collect();
    names.sort_unstable();
    names
}

fn held(response: &DeltaDiscoveryResponse) -> HashMap<String, String> {
    response.resources.iter().map(|it| (it.name.clone(), it.version.clone())).collect()
}

const WEB: &str = "Kubernetes//Pod/shop/web";
const DB: &str = "Kubernetes//Pod/shop/db";

#[tokio::test]
async fn everything_at_first_and_then_only_what_changed() {
    let scene = Scene::new(&shop(), &[]).await;
    let mut stream = scene.discovery(NODE_1).await.unwrap();
    stream.subscribe(type_url::ADDRESS).await;
    let first = stream.next().await.unwrap();
    assert_eq!(names(&first), [DB, WEB]);
    let body = first.resources.iter().find(|it| it.name == WEB).unwrap().resource.as_ref().unwrap();
    let Some(Type::Workload(web)) = Address::decode(&*body.value).unwrap().r#type else { panic!() };
    assert_eq!((&*web.node, web.addresses), ("node-1", vec![vec![10, 0, 0, 1]]));
    stream.acknowledge(&first).await;

    scene.write("shop.yaml", &shop().replace("10.0.0.2", "10.0.0.3"));
    let second = stream.next().await.unwrap();
    assert_eq!((names(&second), &*second.removed_resources), (vec![DB], &[][..]));
    stream.acknowledge(&second).await;

    scene.write("shop.yaml", NAMESPACE);
    let third = stream.next().await.unwrap();
    let mut removed = third.removed_resources.clone();
    removed.sort();
    assert_eq!((names(&third), removed), (vec![], vec![DB.to_owned(), WEB.to_owned()]));
}

#[tokio::test]
async fn a_broken_edit_takes_nothing_from_anyone() {
    let scene = Scene::new(&shop(), &[]).await;
    let mut stream = scene.discovery(NODE_1).await.unwrap();
    stream.subscribe(type_url::ADDRESS).await;
    let first = stream.next().await.unwrap();
    stream.acknowledge(&first).await;
    scene.write("shop.yaml", &shop().replace("10.0.0.1}", "10.0.0"));
    scene.status_when(|status| !status.problems.is_empty()).await;
    // The first thing that comes is the mended version: nothing came for the broken one.
    scene.write("shop.yaml", &shop().replace("10.0.0.1", "10.0.0.9"));
    let second = stream.next().await.unwrap();
    assert_eq!((names(&second), &*second.removed_resources), (vec![WEB], &[][..]));
    scene.status_when(|status| status.problems.is_empty()).await;
}

#[tokio::test]
async fn a_node_that_comes_back_even_to_another_controller_is_told_the_difference_only() {
    let mut scene = Scene::new(&shop(), &[]).await;
    let mut stream = scene.discovery(NODE_1).await.unwrap();
    stream.subscribe(type_url::ADDRESS).await;
    let first = stream.next().await.unwrap();
    drop(stream);
    scene.restart().await;

    let mut resumed = DeltaDiscoveryRequest {
        type_url: type_url::ADDRESS.to_owned(),
        initial_resource_versions: held(&first),
        ..Default::default()
    };
    let mut stream = scene.discovery(NODE_1).await.unwrap();
    stream.send(resumed.clone()).await;
    let nothing = stream.next().await.unwrap();
    assert_eq!((names(&nothing), &*nothing.removed_resources), (vec![], &[][..]));
    assert_eq!(nothing.system_version_info, first.system_version_info);

    resumed.initial_resource_versions.insert(DB.to_owned(), "0000000000000000".to_owned());
    resumed.initial_resource_versions.insert("gone".to_owned(), "0000000000000000".to_owned());
    let mut stream = scene.discovery(NODE_1).await.unwrap();
    stream.send(resumed).await;
    let difference = stream.next().await.unwrap();
    assert_eq!((names(&difference), &*difference.removed_resources), (vec![DB], &["gone".to_owned()][..]));
}

#[tokio::test]
async fn a_workload_can_be_asked_for_by_its_address() {
    let scene = Scene::new(&shop(), &[]).await;
    let mut stream = scene.discovery(NODE_1).await.unwrap();
    let by_name = DeltaDiscoveryRequest {
        type_url: type_url::ADDRESS.to_owned(),
        // Istio's node proxy begins with nothing at all, which is to take back that it wants everything.
        resource_names_subscribe: ["*", "/10.0.0.1", "/10.9.9.9"].map(str::to_owned).to_vec(),
        resource_names_unsubscribe: vec!["*".to_owned()],
        ..Default::default()
    };
    stream.send(by_name).await;
    let response = stream.next().await.unwrap();
    assert_eq!(names(&response), ["/10.0.0.1", WEB], "under the name that was asked for, too");
    assert_eq!(response.removed_resources, ["/10.9.9.9"]);
    assert!(response.resources.iter().all(|resource| resource.aliases == ["/10.0.0.1"]));
    stream.acknowledge(&response).await;
    scene.write("shop.yaml", NAMESPACE);
    let gone = stream.next().await.unwrap();
    assert_eq!((names(&gone), &*gone.removed_resources), (vec![], &[WEB.to_owned()][..]));
}

#[tokio::test]
async fn a_refusal_is_the_nodes_and_the_operator_sees_it() {
    let scene = Scene::new(&shop(), &[]).await;
    let mut stream = scene.discovery(NODE_1).await.unwrap();
    stream.subscribe(type_url::ADDRESS).await;
    let first = stream.next().await.unwrap();
    stream.refuse(&first, &format!("{WEB}: no")).await;
    let status = scene.status_when(|status| !status.nodes[0].rejected.is_empty()).await;
    assert_eq!(status.nodes[0].rejected, format!("{WEB}: no"));
    assert!(!status.nodes[0].in_sync);
    scene.write("shop.yaml", &shop().replace("10.0.0.1", "10.0.0.9"));
    let second = stream.next().await.unwrap();
    assert_eq!(names(&second), [WEB]);
    stream.acknowledge(&second).await;
    let status = scene.status_when(|status| status.nodes[0].in_sync).await;
    assert_eq!(status.nodes[0].rejected, "");
    drop(stream);
    scene.status_when(|status| !status.nodes[0].connected).await;
}

#[tokio::test]
async fn only_nodes_are_served_and_each_only_as_itself() {
    let scene = Scene::new(&shop(), &[]).await;
    for (token, expected) in [("stranger", Code::Unauthenticated), (OPERATOR, Code::PermissionDenied)] {
        let Err(status) = scene.discovery(token).await else { panic!("{token} was served") };
        assert_eq!(status.code(), expected, "{token}");
        assert!(!status.message().contains(token), "{}", status.message());
    }
    let mut stream = scene.discovery(NODE_1).await.unwrap();
    let name = Value { kind: Some(Kind::StringValue("node-2".to_owned())) };
    let metadata = Struct { fields: [(NODE_NAME.to_owned(), name)].into() };
    let other = DeltaDiscoveryRequest {
        node: Some(Node { metadata: Some(metadata), ..Default::default() }),
        type_url: type_url::ADDRESS.to_owned(),
        ..Default::default()
    };
    stream.send(other).await;
    assert_eq!(stream.next().await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_token_that_is_taken_away_ends_its_streams() {
    let scene = Scene::new(&shop(), &[]).await;
    let mut stream = scene.discovery(NODE_1).await.unwrap();
    let mut other = scene.discovery(NODE_2).await.unwrap();
    write_private(&scene.path("tokens"), &format!("{NODE_2} node node-2\n{OPERATOR} operator\n"));
    assert_eq!(stream.next().await.unwrap_err().code(), Code::Unauthenticated);
    other.subscribe(type_url::ADDRESS).await;
    assert_eq!(names(&other.next().await.unwrap()), [DB, WEB]);
}

#[tokio::test]
async fn a_controller_that_stops_says_so() {
    let mut scene = Scene::new(&shop(), &[]).await;
    let mut stream = scene.discovery(NODE_1).await.unwrap();
    scene.stop().await;
    assert_eq!(stream.next().await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_stream_of_age_ends_in_good_order_so_that_its_node_connects_anew() {
    let scene = Scene::new(&shop(), &["--stream-age=1s"]).await;
    let mut stream = scene.discovery(NODE_1).await.unwrap();
    stream.subscribe(type_url::ADDRESS).await;
    assert_eq!(names(&stream.next().await.unwrap()), [DB, WEB]);
    assert!(stream.has_ended().await, "nothing has changed, and nothing was wrong");
}
