//! Who has no token gets nothing, and cannot stay.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use futures_util::stream::pending;
use http::uri::PathAndQuery;
use karez_api::names::type_url;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Request, Status};

use super::harness::*;

const REPORT: PathAndQuery = PathAndQuery::from_static("/karez.operator.v1.NodeReports/Report");

/// Messages as they are.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// Calls with a body that never ends.
async fn call_without_end(scene: &Scene, request: Request<()>) -> Status {
    let mut client = Grpc::new(scene.channel().await);
    client.ready().await.unwrap();
    within(client.client_streaming(request.map(|()| pending()), REPORT, Raw)).await.unwrap_err()
}

#[tokio::test]
async fn a_call_without_a_token_is_answered_before_its_message_is_there() {
    let scene = Scene::new(NAMESPACE, &[]).await;
    for request in [Request::new(()), authorized((), "stranger")] {
        let status = call_without_end(&scene, request).await;
        assert_eq!(status.code(), Code::Unauthenticated, "{}", status.message());
    }
}

/// A node that holds calls open, whose messages it does not send.
#[tokio::test]
async fn a_caller_with_a_token_is_bounded_too_and_nobody_elses_calls_are() {
    let scene = Scene::new(&[NAMESPACE, &pod("web", "node-1", "10.0.0.1")].concat(), &[]).await;
    let mut held = JoinSet::new();
    for _ in 0..64 {
        let mut client = Grpc::new(scene.channel().await);
        client.ready().await.unwrap();
        let request = authorized((), NODE_2).map(|()| pending::<Bytes>());
        held.spawn(async move { client.client_streaming::<_, Bytes, Bytes, _>(request, REPORT, Raw).await });
    }
    // Half of them are refused by their headers; the others hang, until the controller loses its patience.
    for _ in 0..32 {
        let refused = within(held.join_next()).await.unwrap().unwrap().unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted, "{}", refused.message());
        assert_eq!(
            refused.message(),
            "node node-2 has 32 calls open with this token already, and may have no more"
        );
    }
    let mut node = scene.discovery(NODE_1).await.unwrap();
    node.subscribe(type_url::ADDRESS).await;
    assert_eq!(node.next().await.unwrap().resources.len(), 1);
}

/// Shakes hands with the controller, offering these protocols.
async fn shake_hands(scene: &Scene, protocols: &[&[u8]]) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(scene.path("state/root.pem")).unwrap()).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let stream = TcpStream::connect(scene.controller().address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    within(TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

#[tokio::test]
async fn a_client_has_to_offer_http_2() {
    let scene = Scene::new(NAMESPACE, &[]).await;
    for protocols in [&[][..], &[&b"http/1.1"[..]]] {
        let refused = shake_hands(&scene, protocols).await.unwrap_err().to_string();
        assert!(refused.contains("NoApplicationProtocol"), "{refused}");
    }
    shake_hands(&scene, &[b"http/1.1", b"h2"]).await.unwrap();
}

/// A connection on which nobody has said anything yet but the controller.
async fn silent(scene: &Scene) -> TlsStream<TcpStream> {
    let mut stream = shake_hands(scene, &[b"h2"]).await.unwrap();
    // Its SETTINGS: the connection has been accepted.
    within(stream.read_u8()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_connection_stays_only_with_an_authenticated_call() {
    let scene = Scene::new(&[NAMESPACE, &pod("web", "node-1", "10.0.0.1")].concat(), &[]).await;
    let mut node = scene.discovery(NODE_1).await.unwrap();
    let mut stranger = silent(&scene).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    let mut rest = Vec::new();
    // How it ends is all the same.
    let _ = within(stranger.read_to_end(&mut rest)).await;
    node.subscribe(type_url::ADDRESS).await;
    assert_eq!(node.next().await.unwrap().resources.len(), 1);
}
