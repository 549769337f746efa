//! The cryptography that the mesh speaks, given to rustls explicitly: no process default is relied upon.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};

use rustls::SupportedProtocolVersion;
use rustls::crypto::aws_lc_rs::{self, cipher_suite, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, WebPkiSupportedAlgorithms};
use rustls::pki_types::ServerName;

/// ALPN of HBONE: HTTP/2, RFC 9113 §3.2.
pub(crate) const ALPN: &[u8] = b"h2";

/// TLS 1.3 only.
pub(crate) const VERSIONS: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// The hybrid first: what is recorded today stays secret when a quantum computer breaks X25519. A peer that does not know
/// it finds a share of X25519 beside it, so that falling back costs no round trip.
const KEY_EXCHANGES: [&dyn SupportedKxGroup; 4] =
    [kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1];

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    Arc::new(CryptoProvider {
        cipher_suites: vec![cipher_suite::TLS13_AES_128_GCM_SHA256, cipher_suite::TLS13_AES_256_GCM_SHA384],
        kx_groups: KEY_EXCHANGES.to_vec(),
        ..aws_lc_rs::default_provider()
    })
});

/// aws-lc with the mesh's suites: the 128-bit one first, because it costs least a byte.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::clone(&PROVIDER)
}

/// Signatures that certificates and handshakes may bear.
pub(crate) fn signature_algorithms() -> WebPkiSupportedAlgorithms {
    PROVIDER.signature_verification_algorithms
}

/// The name to give to rustls when dialling a mesh peer. It is never sent (no SNI) and never compared: a peer is told
/// by its SPIFFE id.
#[must_use]
pub fn server_name() -> ServerName<'static> {
    ServerName::from(IpAddr::from(Ipv4Addr::UNSPECIFIED))
}
