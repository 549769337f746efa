//! Two ends of a connection in memory, for every way in which a handshake may and must not succeed.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use karez_api::identity::Identity;
use karez_api::outcome::Failure;
use karez_process::http2_tls;
use rcgen::ExtendedKeyUsagePurpose;
use rustls::crypto::aws_lc_rs::kx_group;
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::{
    CipherSuite, ClientConfig, CommonState, HandshakeKind, NamedGroup, ProtocolVersion, ServerConfig,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::TlsConnector;

use super::profile::{ALPN, VERSIONS, provider};
use super::*;
use crate::authority::{Authority, Leaf, Stopped, identity, noon};
use crate::bundle::TrustBundle;
use crate::clock::{Clock, TlsTime};
use crate::credential::{Credential, Issued};

type Client = tokio_rustls::client::TlsStream<DuplexStream>;
type Server = tokio_rustls::server::TlsStream<DuplexStream>;

fn cart() -> Identity {
    identity("mesh/ns/shop/sa/cart")
}

fn web() -> Identity {
    identity("mesh/ns/shop/sa/web")
}

/// Both ends' views of one handshake. In TLS 1.3 a client is done before the server has judged it: it learns of a
/// refusal with the first byte that it reads, so the server sends one.
async fn handshake(
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
) -> (io::Result<Client>, io::Result<Server>) {
    let (dialling, accepting) = duplex(64 * 1024);
    let dial = async {
        let mut tls = TlsConnector::from(client).connect(server_name(), dialling).await?;
        tls.read_u8().await?;
        Ok(tls)
    };
    let accept = async {
        let mut tls = http2_tls::accept(accepting, server).await?;
        tls.write_u8(0).await?;
        tls.flush().await?;
        Ok(tls)
    };
    tokio::join!(dial, accept)
}

struct Mesh {
    root: Authority,
}

impl Mesh {
    fn new() -> Self {
        Self { root: Authority::root("mesh root") }
    }

    /// A credential that presents `issued` and trusts the mesh's root, at `hours` past noon.
    fn holding(&self, issued: Issued, hours: i32) -> Credential {
        let offset = Duration::from_secs(3600) * hours.unsigned_abs();
        let now = if hours < 0 { noon() - offset } else { noon() + offset };
        let clock: Arc<dyn Clock> = Arc::new(Stopped(now));
        Credential::new(issued, self.root.bundle("mesh"), &clock).unwrap()
    }

    /// A good peer with key exchanges of its own.
    fn peer_with(&self, kx_groups: &[Group], identity: &Identity) -> OtherPeer {
        let issued = self.root.issue(&Leaf::of(identity));
        let clock: Arc<dyn Clock> = Arc::new(Stopped(noon()));
        OtherPeer {
            provider: Arc::new(CryptoProvider { kx_groups: kx_groups.to_vec(), ..(*provider()).clone() }),
            time: Arc::new(TlsTime(Arc::clone(&clock))),
            own: Arc::new(OwnCertificate { key: issued.key, not_after: issued.not_after, clock }),
            bundle: self.root.bundle("mesh"),
        }
    }

    fn good(&self, identity: &Identity) -> Credential {
        self.holding(self.root.issue(&Leaf::of(identity)), 0)
    }
}

type Group = &'static dyn SupportedKxGroup;

struct OtherPeer {
    provider: Arc<CryptoProvider>,
    time: Arc<TlsTime>,
    own: Arc<OwnCertificate>,
    bundle: Arc<TrustBundle>,
}

impl OtherPeer {
    fn client(&self, expected: &Identity) -> Arc<ClientConfig> {
        let expected =
            ExpectIdentities { bundle: Arc::clone(&self.bundle), expected: [expected.clone()].into() };
        let mut config = ClientConfig::builder_with_details(Arc::clone(&self.provider), self.time.clone())
            .with_protocol_versions(VERSIONS)
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(expected))
            .with_client_cert_resolver(self.own.clone());
        config.alpn_protocols = vec![ALPN.to_vec()];
        Arc::new(config)
    }

    fn server(&self) -> Arc<ServerConfig> {
        let mut config = ServerConfig::builder_with_details(Arc::clone(&self.provider), self.time.clone())
            .with_protocol_versions(VERSIONS)
            .unwrap()
            .with_client_cert_verifier(Arc::new(RequireMeshPeer(Arc::clone(&self.bundle))))
            .with_cert_resolver(self.own.clone());
        config.alpn_protocols = vec![ALPN.to_vec()];
        Arc::new(config)
    }
}

fn peer_address() -> SocketAddr {
    "10.1.2.3:15008".parse().unwrap()
}

#[tokio::test]
async fn good_peers_meet_under_the_meshs_terms() {
    let mesh = Mesh::new();
    let client = mesh.good(&web());
    let deeper = mesh.root.intermediate("below").issue(&Leaf::of(&cart()));
    let server = mesh.holding(deeper, 0);
    let (dialled, accepted) = handshake(client.client(&[web(), cart()]), server.server()).await;
    let (dialled, accepted) = (dialled.unwrap(), accepted.unwrap());
    let (_, client_end) = dialled.get_ref();
    let (_, server_end) = accepted.get_ref();
    assert_eq!(peer(client_end.peer_certificates().unwrap()).unwrap().identity, cart());
    assert_eq!(peer(server_end.peer_certificates().unwrap()).unwrap().identity, web());
    assert_eq!(client_end.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(client_end.alpn_protocol(), Some(&b"h2"[..]));
    assert_eq!(client_end.negotiated_cipher_suite().unwrap().suite(), CipherSuite::TLS13_AES_128_GCM_SHA256);
    assert_eq!(exchange(client_end), (NamedGroup::X25519MLKEM768, HandshakeKind::Full));
    assert_eq!(server_end.server_name(), None, "no SNI");
    assert_eq!(client_end.tls13_tickets_received(), 0, "no resumption");
}

/// The key exchange of a connection, and what sort of handshake it took.
fn exchange(end: &CommonState) -> (NamedGroup, HandshakeKind) {
    (end.negotiated_key_exchange_group().unwrap().name(), end.handshake_kind().unwrap())
}

/// Falling back costs no round trip: no handshake begins anew with a HelloRetryRequest.
#[tokio::test]
async fn peers_that_know_other_key_exchanges_are_met_at_the_first_attempt() {
    use NamedGroup::{X25519, X25519MLKEM768, secp256r1};
    let mesh = Mesh::new();
    let (hybrid, classical): (Group, Group) = (kx_group::X25519MLKEM768, kx_group::X25519);
    let clients: [(&[Group], NamedGroup); 4] = [
        (&[hybrid], X25519MLKEM768),
        (&[classical], X25519),
        (&[kx_group::SECP256R1], secp256r1),
        (&[hybrid, classical], X25519MLKEM768),
    ];
    for (groups, expected) in clients {
        let peer = mesh.peer_with(groups, &web());
        let (dialled, _) = handshake(peer.client(&cart()), mesh.good(&cart()).server()).await;
        assert_eq!(exchange(dialled.unwrap().get_ref().1), (expected, HandshakeKind::Full), "{groups:?}");
    }
    let servers: [(&[Group], NamedGroup); 3] =
        [(&[hybrid], X25519MLKEM768), (&[classical], X25519), (&[classical, hybrid], X25519MLKEM768)];
    for (groups, expected) in servers {
        let peer = mesh.peer_with(groups, &cart());
        let (dialled, _) = handshake(mesh.good(&web()).client(&[cart()]), peer.server()).await;
        assert_eq!(exchange(dialled.unwrap().get_ref().1), (expected, HandshakeKind::Full), "{groups:?}");
    }
}

#[tokio::test]
async fn a_client_refuses_servers_that_are_not_whom_it_expects() {
    let mesh = Mesh::new();
    let other_mesh = Authority::root("mesh root");
    let nameless = Leaf { uris: Vec::new(), dns: vec!["cart.shop.svc".to_owned()], ..Leaf::of(&cart()) };
    let only_client = Leaf { usages: vec![ExtendedKeyUsagePurpose::ClientAuth], ..Leaf::of(&cart()) };
    let foreign = identity("elsewhere/ns/shop/sa/cart");
    // Name, what the server presents, hours that its own clock is off, and the identity that is to be reported.
    type Reported<'a> = Result<Option<Identity>, &'a str>;
    let cases: [(&str, Issued, i32, Reported<'_>); 8] = [
        ("another identity", mesh.root.issue(&Leaf::of(&web())), 0, Ok(Some(web()))),
        ("another trust domain", mesh.root.issue(&Leaf::of(&foreign)), 0, Ok(Some(foreign.clone()))),
        ("no identity", mesh.root.issue(&nameless), 0, Ok(None)),
        (
            "another root",
            other_mesh.issue(&Leaf::of(&cart())),
            0,
            Err("invalid peer certificate: BadSignature"),
        ),
        ("self-signed", Leaf::of(&cart()).self_signed(), 0, Err("invalid peer certificate: UnknownIssuer")),
        ("expired", mesh.root.issue(&past()), -2, Err("certificate expired")),
        ("not valid yet", mesh.root.issue(&future()), 2, Err("certificate not valid yet")),
        ("not for servers", mesh.root.issue(&only_client), 0, Err("server authentication")),
    ];
    for (name, issued, hours, wanted) in cases {
        let server = mesh.holding(issued, hours);
        let (dialled, accepted) = handshake(mesh.good(&web()).client(&[cart()]), server.server()).await;
        assert!(accepted.is_err(), "{name}");
        let found = failure(&dialled.unwrap_err(), peer_address());
        match wanted {
            Ok(found_identity) => {
                let wrong = Failure::WrongIdentity {
                    peer: peer_address(),
                    found: found_identity,
                    expected: vec![cart()],
                };
                assert_eq!(found, wrong, "{name}");
            }
            Err(words) => {
                let Failure::Tls { peer, message } = found else { panic!("{name}: {found}") };
                assert_eq!(peer, peer_address());
                assert!(message.contains(words), "{name}: {message}");
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_expects_nobody_accepts_nobody() {
    let mesh = Mesh::new();
    let (dialled, _) = handshake(mesh.good(&web()).client(&[]), mesh.good(&cart()).server()).await;
    let wrong = Failure::WrongIdentity { peer: peer_address(), found: Some(cart()), expected: Vec::new() };
    assert_eq!(failure(&dialled.unwrap_err(), peer_address()), wrong);
}

#[tokio::test]
async fn a_server_refuses_clients_of_no_or_another_mesh() {
    let mesh = Mesh::new();
    let foreign = identity("elsewhere/ns/shop/sa/cart");
    let nameless = Leaf { uris: Vec::new(), ..Leaf::of(&web()) };
    let only_server = Leaf { usages: vec![ExtendedKeyUsagePurpose::ServerAuth], ..Leaf::of(&web()) };
    let cases: [(&str, Issued, i32, &str); 7] = [
        ("another trust domain", mesh.root.issue(&Leaf::of(&foreign)), 0, "not of the trust domain mesh"),
        ("no identity", mesh.root.issue(&nameless), 0, "not of the trust domain mesh"),
        ("another root", Authority::root("x").issue(&Leaf::of(&web())), 0, "UnknownIssuer"),
        ("self-signed", Leaf::of(&web()).self_signed(), 0, "UnknownIssuer"),
        ("expired", mesh.root.issue(&past()), -2, "certificate expired"),
        ("not valid yet", mesh.root.issue(&future()), 2, "certificate not valid yet"),
        ("not for clients", mesh.root.issue(&only_server), 0, "client authentication"),
    ];
    // It has to outlast the client's clock, so that only the server objects.
    let long = Leaf { not_before: past().not_before, not_after: future().not_after, ..Leaf::of(&cart()) };
    for (name, issued, hours, words) in cases {
        let server = mesh.holding(mesh.root.issue(&long), 0);
        let client = mesh.holding(issued, hours);
        let (dialled, accepted) = handshake(client.client(&[cart()]), server.server()).await;
        let Failure::Tls { message, .. } = failure(&accepted.unwrap_err(), peer_address()) else {
            panic!("{name}")
        };
        assert!(message.contains(words), "{name}: {message}");
        assert!(dialled.is_err(), "{name}: the client is told");
    }
}

#[tokio::test]
async fn a_server_refuses_clients_without_a_certificate_tls_1_3_or_http_2() {
    let mesh = Mesh::new();
    let time = || Arc::new(TlsTime(Arc::new(Stopped(noon()))));
    let verifier =
        || Arc::new(ExpectIdentities { bundle: mesh.root.bundle("mesh"), expected: Box::new([cart()]) });
    let anonymous = ClientConfig::builder_with_details(provider(), time())
        .with_protocol_versions(VERSIONS)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier())
        .with_no_client_auth();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let old = ClientConfig::builder_with_details(provider, time())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier())
        .with_no_client_auth();
    let http2 = |mut config: ClientConfig| {
        config.alpn_protocols = vec![ALPN.to_vec()];
        config
    };
    let speaks_another = {
        let mut config = anonymous.clone();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config
    };
    let cases = [
        (http2(anonymous.clone()), "sent no certificates"),
        (http2(old), "Tls12NotOffered"),
        (speaks_another, "any known protocol"),
        (anonymous, "any known protocol"),
    ];
    for (config, words) in cases {
        let (dialled, accepted) = handshake(Arc::new(config), mesh.good(&cart()).server()).await;
        let message = accepted.unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
        let told = dialled.unwrap_err().to_string();
        assert_eq!(told.contains("NoApplicationProtocol"), words == "any known protocol", "{told}");
    }
}

#[tokio::test]
async fn an_expired_own_certificate_is_never_presented() {
    let mesh = Mesh::new();
    let expired = mesh.holding(mesh.root.issue(&past()), 0);
    // The other side's clock would still take it.
    let lenient = mesh.holding(mesh.root.issue(&past()), -2);
    let (dialled, accepted) = handshake(lenient.client(&[cart()]), expired.server()).await;
    assert!(accepted.unwrap_err().to_string().contains("no server certificate chain resolved"));
    assert!(dialled.is_err());
    let always = Leaf { not_before: past().not_before, ..Leaf::of(&cart()) };
    let lenient = mesh.holding(mesh.root.issue(&always), -2);
    let (dialled, accepted) = handshake(expired.client(&[cart()]), lenient.server()).await;
    assert!(accepted.unwrap_err().to_string().contains("sent no certificates"));
    assert!(dialled.is_err());
}

/// Expired an hour ago.
fn past() -> Leaf {
    let hour = Duration::from_secs(3600);
    Leaf { not_before: noon() - 3 * hour, not_after: noon() - hour, ..Leaf::of(&cart()) }
}

/// Valid in an hour.
fn future() -> Leaf {
    let hour = Duration::from_secs(3600);
    Leaf { not_before: noon() + hour, not_after: noon() + 3 * hour, ..Leaf::of(&cart()) }
}
