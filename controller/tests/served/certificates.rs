use karez_api::certificates::IstioCertificateRequest;
use karez_api::names::metadata::IMPERSONATED_IDENTITY;
use prost_types::value::Kind;
use prost_types::{Struct, Value};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tonic::{Code, Status};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::harness::*;

const WEB: &str = "spiffe://cluster.local/ns/shop/sa/web";

fn request(identity: Option<&str>, seconds: i64) -> IstioCertificateRequest {
    // What the request names itself is nobody's business.
    let params = CertificateParams::new(["evil.example".to_owned()]).unwrap();
    let csr = params.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap();
    let value = |text: &str| Value { kind: Some(Kind::StringValue(text.to_owned())) };
    let fields = identity.map(|identity| (IMPERSONATED_IDENTITY.to_owned(), value(identity)));
    IstioCertificateRequest {
        csr,
        validity_duration: seconds,
        metadata: Some(Struct { fields: fields.into_iter().collect() }),
    }
}

pub(crate) async fn sign(
    scene: &Scene,
    token: &str,
    request: IstioCertificateRequest,
) -> Result<Vec<String>, Status> {
    let mut client = scene.certificates().await;
    let answer = within(client.create_certificate(authorized(request, token))).await?;
    Ok(answer.into_inner().cert_chain)
}

pub(crate) async fn sign_web(scene: &Scene) -> Vec<String> {
    sign(scene, NODE_1, request(Some(WEB), 0)).await.unwrap()
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// Seconds from now until the leaf ends.
fn remaining(leaf: &str) -> i64 {
    let leaf = der(leaf);
    let (_, leaf) = X509Certificate::from_der(&leaf).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    leaf.validity().not_after.timestamp() - i64::try_from(now.as_secs()).unwrap()
}

#[tokio::test]
async fn a_node_gets_the_identities_of_its_live_pods() {
    let shop = [NAMESPACE, &pod("web", "node-1", "10.0.0.1")].concat();
    let scene = Scene::new(&shop, &["--leaf-lifetime=1h"]).await;
    let chain = sign_web(&scene).await;
    let [leaf, roots] = chain.as_slice() else { panic!("{chain:?}") };
    assert_eq!(*roots, std::fs::read_to_string(scene.path("state/root.pem")).unwrap());
    let (leaf, root) = (der(leaf), der(roots));
    let (_, leaf) = X509Certificate::from_der(&leaf).unwrap();
    let (_, root) = X509Certificate::from_der(&root).unwrap();
    leaf.verify_signature(Some(root.public_key())).unwrap();
    let names = leaf.subject_alternative_name().unwrap().unwrap();
    assert_eq!(names.value.general_names, [GeneralName::URI(WEB)]);
}

#[tokio::test]
async fn the_lifetime_is_what_is_asked_for_and_never_more_than_allowed() {
    let shop = [NAMESPACE, &pod("web", "node-1", "10.0.0.1")].concat();
    let scene = Scene::new(&shop, &["--leaf-lifetime=1h"]).await;
    for (asked, expected) in [(600, 600), (0, 3600), (-5, 3600), (86_400, 3600), (i64::MAX, 3600)] {
        let chain = sign(&scene, NODE_1, request(Some(WEB), asked)).await.unwrap();
        let remaining = remaining(&chain[0]);
        assert!((expected - 20..=expected).contains(&remaining), "{asked}: {remaining}");
    }
}

#[tokio::test]
async fn everything_else_is_refused() {
    let finished = pod("done", "node-1", "10.0.0.3").replace("Running", "Succeeded");
    let outside = pod("outside", "node-1", "10.0.0.4")
        .replace("namespace: shop", "namespace: shop, labels: {karez.dev/mesh: disabled}");
    let [web, db] = [pod("web", "node-1", "10.0.0.1"), pod("db", "node-2", "10.0.0.2")];
    let shop = [NAMESPACE, &web, &db, &finished, &outside].concat();
    let scene = Scene::new(&shop, &[]).await;
    let no_request = IstioCertificateRequest { csr: "nonsense".to_owned(), ..request(Some(WEB), 0) };
    let no_metadata = IstioCertificateRequest { metadata: None, ..request(None, 0) };
    let other = |name: &str| request(Some(&format!("spiffe://cluster.local/ns/shop/sa/{name}")), 0);
    let cases = [
        ("another node's Pod", NODE_1, other("db"), Code::PermissionDenied),
        ("a finished Pod", NODE_1, other("done"), Code::PermissionDenied),
        ("a Pod that is not to be in the mesh", NODE_1, other("outside"), Code::PermissionDenied),
        ("no Pod", NODE_1, other("nobody"), Code::PermissionDenied),
        (
            "another trust domain",
            NODE_1,
            request(Some("spiffe://evil/ns/shop/sa/web"), 0),
            Code::PermissionDenied,
        ),
        ("no SPIFFE id", NODE_1, request(Some("web"), 0), Code::InvalidArgument),
        ("no identity", NODE_1, request(None, 0), Code::InvalidArgument),
        ("no metadata", NODE_1, no_metadata, Code::InvalidArgument),
        ("no request", NODE_1, no_request, Code::InvalidArgument),
        ("an operator", OPERATOR, request(Some(WEB), 0), Code::PermissionDenied),
        ("a stranger", "stranger", request(Some(WEB), 0), Code::Unauthenticated),
    ];
    for (case, token, request, expected) in cases {
        let status = sign(&scene, token, request).await.unwrap_err();
        assert_eq!(status.code(), expected, "{case}: {}", status.message());
    }
}

#[tokio::test]
async fn a_pod_that_goes_takes_its_identity_along() {
    let shop = [NAMESPACE, &pod("web", "node-1", "10.0.0.1")].concat();
    let scene = Scene::new(&shop, &[]).await;
    sign_web(&scene).await;
    scene.write("shop.yaml", &[NAMESPACE, &pod("web", "node-2", "10.0.0.1")].concat());
    scene.status_when(|status| status.pods.iter().any(|pod| pod.node == "node-2")).await;
    let status = sign(&scene, NODE_1, request(Some(WEB), 0)).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    sign(&scene, NODE_2, request(Some(WEB), 0)).await.unwrap();
}

#[tokio::test]
async fn a_pod_that_is_to_leave_the_mesh_is_told_how_to_stay() {
    let shop = [NAMESPACE, &pod("web", "node-1", "10.0.0.1")].concat();
    let scene = Scene::new(&shop, &[]).await;
    sign_web(&scene).await;
    scene.write("shop.yaml", &shop.replace("enabled", "disabled"));
    scene.status_when(|status| status.pods.iter().all(|pod| !pod.enrolled)).await;
    let status = sign(&scene, NODE_1, request(Some(WEB), 0)).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    for remedy in ["Pod shop/web ", "karez.dev/mesh=enabled", "karez pod remove shop/web"] {
        assert!(status.message().contains(remedy), "{}", status.message());
    }
}
