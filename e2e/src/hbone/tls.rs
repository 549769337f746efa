//! Either end of TLS with a test's certificates.

use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme,
    StreamOwned, SupportedProtocolVersion,
};

use super::pki::{Authority, Credential};

/// The client's end of a connection.
pub type Stream = StreamOwned<ClientConnection, TcpStream>;

const ALPN: &[u8] = b"h2";

/// TLS 1.3 for a client that takes any server, and shows what it is given, if anything.
///
/// # Errors
/// When certificate and key do not fit.
pub fn client(credential: Option<&Credential>) -> Result<Arc<ClientConfig>> {
    client_of(&rustls::version::TLS13, credential)
}

/// The same for another version.
///
/// # Errors
/// When certificate and key do not fit.
pub fn client_of(
    version: &'static SupportedProtocolVersion,
    credential: Option<&Credential>,
) -> Result<Arc<ClientConfig>> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer));
    let mut config = match credential {
        Some(credential) => builder.with_client_cert_resolver(Arc::new(Always::show(credential)?)),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

/// TLS 1.3 for a server that takes any client.
///
/// # Errors
/// When certificate and key do not fit.
pub fn server(credential: &Credential) -> Result<Arc<ServerConfig>> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(credential.chain(), credential.key())?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

/// TLS 1.3 for a server that takes only clients whom `root` vouches for.
///
/// # Errors
/// When certificate and key do not fit.
pub fn server_of(credential: &Credential, root: &Authority) -> Result<Arc<ServerConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.certificate().clone())?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build()?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(credential.chain(), credential.key())?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

/// The name that is never sent nor compared.
#[must_use]
pub fn server_name() -> ServerName<'static> {
    IpAddr::from(Ipv4Addr::UNSPECIFIED).into()
}

/// Shakes hands. A server of TLS 1.3 judges the client only after that: see [`is_served`].
///
/// # Errors
/// When the server refuses, or is silent for too long.
pub fn dial(tcp: TcpStream, config: Arc<ClientConfig>) -> io::Result<Stream> {
    let connection = ClientConnection::new(config, server_name()).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, tcp);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// Waits for what a server of HTTP/2 says first, once it has accepted the client.
///
/// # Errors
/// When it refuses instead, or is silent for too long.
pub fn is_served(stream: &mut Stream) -> io::Result<()> {
    stream.read_exact(&mut [0])
}

/// The certificate that the server has shown.
///
/// # Errors
/// When it has shown none.
pub fn shown(stream: &Stream) -> Result<CertificateDer<'static>> {
    let chain = stream.conn.peer_certificates().unwrap_or_default();
    Ok(chain.first().context("the server has shown no certificate")?.clone().into_owned())
}

/// Checks that a root has signed a server's certificate.
///
/// # Errors
/// When it has not, or the certificate is not valid now.
pub fn ensure_signed(certificate: &CertificateDer<'_>, root: &Authority) -> Result<()> {
    let mut roots = RootCertStore::empty();
    roots.add(root.certificate().clone())?;
    let algorithms = provider().signature_verification_algorithms.all;
    let certificate = ParsedCertificate::try_from(certificate)?;
    verify_server_cert_signed_by_trust_anchor(&certificate, &roots, &[], UnixTime::now(), algorithms)?;
    Ok(())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Shows its certificate whatever the server asks for.
#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl Always {
    fn show(credential: &Credential) -> Result<Self> {
        let key = aws_lc_rs::sign::any_supported_type(&credential.key())?;
        let certified = CertifiedKey::new(credential.chain(), key);
        ensure!(certified.keys_match().is_ok(), "the key is not the certificate's");
        Ok(Self(Arc::new(certified)))
    }
}

impl ResolvesClientCert for Always {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Trusts everybody: what is under test is whom the other end trusts.
#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _leaf: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _leaf: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
