use karez_api::operator::node_reports_client::NodeReportsClient;
use karez_api::operator::{
    CertificateReport, NodeReport, PodReport, RootPhase, RotateRootRequest, StatusRequest,
};
use tonic::Code;

use super::harness::*;

#[tokio::test]
async fn reports_and_manifests_meet_in_the_status() {
    let shop =
        [NAMESPACE, &pod("web", "node-1", "10.0.0.1"), "kind: Pod\napiVersion: v1\nmetadata: {}\n"].concat();
    let scene = Scene::new(&shop, &[]).await;
    let captured = PodReport {
        namespace: "shop".to_owned(),
        name: "web".to_owned(),
        captured: true,
        ..Default::default()
    };
    let identity = "spiffe://cluster.local/ns/shop/sa/web".to_owned();
    let certificate = CertificateReport { identity: identity.clone(), not_after: 5, problem: String::new() };
    let report = NodeReport {
        pods: vec![captured],
        certificates: vec![certificate],
        agent_connected: true,
        ..Default::default()
    };
    let mut reports = NodeReportsClient::new(scene.channel().await);
    within(reports.report(authorized(report.clone(), NODE_1))).await.unwrap();

    let status = scene.status().await;
    assert_eq!(status.trust_domain, "cluster.local");
    assert_eq!(status.nodes[0].report, Some(report.clone()));
    assert_eq!(status.nodes[1].report_age_s, -1);
    let [pod] = status.pods.as_slice() else { panic!("{:?}", status.pods) };
    assert_eq!((pod.enrolled, pod.captured, &*pod.problem, &*pod.identity), (true, true, "", &*identity));
    assert_eq!(status.problems.len(), 1);
    assert_eq!(status.problems[0].file, "shop.yaml");
    assert_eq!((status.roots.len(), status.roots[0].phase()), (1, RootPhase::Signing));

    let refused = within(reports.report(authorized(report, OPERATOR))).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_node_is_no_operator() {
    let scene = Scene::new("", &[]).await;
    let mut operator = scene.operator().await;
    let status = within(operator.status(authorized(StatusRequest {}, NODE_1))).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    let status =
        within(operator.rotate_root(authorized(RotateRootRequest::default(), NODE_1))).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    let status = within(operator.status(tonic::Request::new(StatusRequest {}))).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(scene.status().await.roots.len(), 1);
}
