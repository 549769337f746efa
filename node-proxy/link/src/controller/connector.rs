//! TCP and TLS to the controller.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::Uri;

use crate::bundle::TrustBundle;
use crate::controller::{Settings, read_bounded};
use crate::tls::pem::{self, InvalidPem, MAX_BYTES};
use crate::tls::profile;

const CONNECT_TIME: Duration = Duration::from_secs(5);
const HTTPS_PORT: u16 = 443;

/// Why no connection could be made: the cause of a failed call.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// The CA file cannot be read.
    #[error("CA file {path:?}: {source}")]
    CaFile {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The CA file is not a PEM bundle of certificates.
    #[error("CA file {path:?}: {source}")]
    CaPem {
        /// Its path.
        path: PathBuf,
        /// What is wrong.
        source: InvalidPem,
    },
    /// rustls cannot use what the CA file holds.
    #[error("CA file {path:?}: {source}")]
    Ca {
        /// Its path.
        path: PathBuf,
        /// rustls' words.
        source: rustls::Error,
    },
    /// The host is neither a DNS name nor an address.
    #[error("host {host:?}: {source}")]
    Host {
        /// As in the URL.
        host: String,
        /// What is wrong.
        source: InvalidDnsNameError,
    },
    /// TCP, or the name's resolution.
    #[error("TCP to {host}:{port}: {source}")]
    Tcp {
        /// As in the URL.
        host: String,
        /// As in the URL.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// The TLS handshake.
    #[error("TLS with {host}:{port}, verified against {path:?} and {learned} roots of the mesh: {source}")]
    Tls {
        /// As in the URL.
        host: String,
        /// As in the URL.
        port: u16,
        /// The CA file.
        path: PathBuf,
        /// How many roots discovery had brought.
        learned: usize,
        /// rustls' words.
        source: std::io::Error,
    },
    /// Too slow.
    #[error("no connection within {} s", CONNECT_TIME.as_secs())]
    TimedOut,
}

/// A fresh connection to the controller, verified against the CA file as it is now and the roots that were `learned`.
pub(super) async fn connect(
    url: Uri,
    settings: Arc<Settings>,
    learned: Option<Arc<TrustBundle>>,
) -> Result<TokioIo<TlsStream<TcpStream>>, ConnectError> {
    timeout(CONNECT_TIME, dial(&url, &settings, learned.as_deref()))
        .await
        .map_err(|_elapsed| ConnectError::TimedOut)?
        .map(TokioIo::new)
}

async fn dial(
    url: &Uri,
    settings: &Settings,
    learned: Option<&TrustBundle>,
) -> Result<TlsStream<TcpStream>, ConnectError> {
    let config = client_config(settings, learned).await?;
    let host = url.host().unwrap_or_default();
    // RFC 3986 §3.2.2: an IPv6 address stands in brackets there, and nowhere else.
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let port = url.port_u16().unwrap_or(HTTPS_PORT);
    let name = ServerName::try_from(host.to_owned())
        .map_err(|source| ConnectError::Host { host: host.to_owned(), source })?;
    let tcp = TcpStream::connect((host, port))
        .await
        .and_then(|tcp| tcp.set_nodelay(true).map(|()| tcp))
        .map_err(|source| ConnectError::Tcp { host: host.to_owned(), port, source })?;
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(|source| ConnectError::Tls {
        host: host.to_owned(),
        port,
        path: settings.ca_file.clone(),
        learned: learned.map_or(0, TrustBundle::len),
        source,
    })
}

async fn client_config(
    settings: &Settings,
    learned: Option<&TrustBundle>,
) -> Result<ClientConfig, ConnectError> {
    let path = || settings.ca_file.clone();
    let text = read_bounded(&settings.ca_file, MAX_BYTES as u64)
        .await
        .map_err(|source| ConnectError::CaFile { path: path(), source })?;
    let certificates =
        pem::certificates(&text).map_err(|source| ConnectError::CaPem { path: path(), source })?;
    let unusable = |source| ConnectError::Ca { path: path(), source };
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(unusable)?;
    }
    // A workload of the mesh passes for the controller by none of them: its certificate bears no name of a host.
    roots.extend(learned.iter().flat_map(|bundle| bundle.roots().roots.iter().cloned()));
    let mut config = ClientConfig::builder_with_provider(profile::provider())
        .with_protocol_versions(profile::VERSIONS)
        .map_err(unusable)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![profile::ALPN.to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests;
