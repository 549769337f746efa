//! TLS of servers that speak only HTTP/2: their clients must offer it (ALPN `h2`, RFC 9113 section 3.3).

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::{StartHandshake, TlsStream};

/// The fatal alert `no_application_protocol` as a record (RFC 8446 sections 5.1 and 6, RFC 7301 section 3.2). Nothing
/// is encrypted before the server's first message.
const NO_APPLICATION_PROTOCOL: [u8; 7] = [21, 3, 3, 0, 2, 2, 120];

/// Runs the handshake by `config`, whose ALPN is `h2`. rustls refuses clients that offer other protocols, this function
/// those that offer none.
///
/// # Errors
/// When the client ends the handshake, breaks its rules, or does not offer HTTP/2.
pub async fn accept<Io>(io: Io, config: Arc<ServerConfig>) -> io::Result<TlsStream<Io>>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let begun = LazyConfigAcceptor::new(Acceptor::default(), io).await?;
    if begun.client_hello().alpn().is_none() {
        return Err(refuse(begun).await);
    }
    begun.into_stream(config).await
}

async fn refuse<Io: AsyncWrite + Unpin>(mut begun: StartHandshake<Io>) -> io::Error {
    match begun.io.write_all(&NO_APPLICATION_PROTOCOL).await {
        Ok(()) => io::Error::new(io::ErrorKind::InvalidData, rustls::Error::NoApplicationProtocol),
        Err(error) => error,
    }
}
