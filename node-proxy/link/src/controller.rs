//! The controller's client: one HTTP/2 connection that discovery, certificates and reports share.
//!
//! The token is read again for every call and stream, the CA file for every connection: both may be replaced on disk at any
//! time. Discovery may have brought roots that the CA file does not have yet.

mod connector;
mod learned;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Request, Status};
use tower::service_fn;

pub use learned::LearnedRoots;

/// A controller that dies without a word is noticed after two of these.
const KEEPALIVE: Duration = Duration::from_secs(10);
/// A call that is not a stream.
const CALL_TIME: Duration = Duration::from_secs(10);
/// A service account token is 1 to 2 KiB.
const MAX_TOKEN: u64 = 64 * 1024;

/// The controller's address, and this node's credentials.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://HOST:PORT`.
    pub url: String,
    /// PEM bundle that the controller's certificate is verified against, beside the [roots](LearnedRoots) that discovery has
    /// brought.
    pub ca_file: PathBuf,
    /// Bearer token.
    pub token_file: PathBuf,
    /// This node's name.
    pub node: String,
    /// The Kubernetes namespace that the node proxy runs in, and its token belongs to.
    pub namespace: String,
    /// As the controller knows this cluster; `Kubernetes` unless told otherwise.
    pub cluster_id: String,
}

/// The controller's client; cheap to clone.
#[derive(Debug, Clone)]
pub struct ControllerClient {
    settings: Arc<Settings>,
    channel: Channel,
}

/// Why a URL is not a controller's.
#[derive(Debug, thiserror::Error)]
pub enum InvalidUrl {
    /// Not a URL at all.
    #[error("controller {url:?} is not a URL such as https://karez-controller.karez-system:15012")]
    Unreadable {
        /// What was given.
        url: String,
    },
    /// The token and the private keys' certificates travel on it.
    #[error("controller {url:?}: the URL must begin with https://")]
    NotHttps {
        /// What was given.
        url: String,
    },
}

/// Why a call of the controller brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The token file.
    #[error("token file {path:?}: {source}")]
    TokenFile {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The token itself.
    #[error("token file {path:?} holds no token: it is empty, too long, or has characters that no token has")]
    Token {
        /// Its path.
        path: PathBuf,
    },
    /// The controller was not reached, or refused.
    #[error("controller {url}: {code:?}: {message}")]
    Answer {
        /// The controller's URL.
        url: String,
        /// gRPC status.
        code: Code,
        /// Its words, with what caused them.
        message: String,
    },
    /// No answer in time.
    #[error("controller {url}: no answer within {} s", CALL_TIME.as_secs())]
    TimedOut {
        /// The controller's URL.
        url: String,
    },
}

impl ControllerClient {
    /// A client that connects when it is first used, and again whenever the connection is lost. Needs a tokio runtime
    /// around it, which must outlive it.
    ///
    /// # Errors
    /// When the URL is not `https://HOST[:PORT]`.
    pub fn new(settings: Settings, learned: LearnedRoots) -> Result<Self, InvalidUrl> {
        let unreadable = || InvalidUrl::Unreadable { url: settings.url.clone() };
        let origin: Uri = settings.url.parse().map_err(|_| unreadable())?;
        let Some(authority) = origin.authority() else { return Err(unreadable()) };
        if origin.scheme_str() != Some("https") {
            return Err(InvalidUrl::NotHttps { url: settings.url });
        }
        // tonic refuses `https` when it is built with TLS of its own and given a connector that brings another: to it the
        // connection below is a plain one, and only requests carry the real origin.
        let endpoint =
            Endpoint::from_shared(format!("http://{authority}")).map_err(|_| unreadable())?.origin(origin);
        let settings = Arc::new(settings);
        let dialled = Arc::clone(&settings);
        let channel = endpoint
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE)
            .keep_alive_while_idle(true)
            .connect_with_connector_lazy(service_fn(move |url| {
                connector::connect(url, Arc::clone(&dialled), learned.current())
            }));
        Ok(Self { settings, channel })
    }

    /// The controller's address, and this node's credentials.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// `message` with the token as it is now.
    pub(crate) async fn request<T>(&self, message: T) -> Result<Request<T>, CallError> {
        let bearer = self.bearer().await?;
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", bearer);
        Ok(request)
    }

    /// Waits for an answer, but not for ever.
    #[cfg(feature = "mesh")]
    pub(crate) async fn answer<T>(
        &self,
        call: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, CallError> {
        match tokio::time::timeout(CALL_TIME, call).await {
            Ok(answer) => answer.map_err(|status| self.failed(&status)),
            Err(_elapsed) => Err(CallError::TimedOut { url: self.settings.url.clone() }),
        }
    }

    pub(crate) fn failed(&self, status: &Status) -> CallError {
        CallError::Answer { url: self.settings.url.clone(), code: status.code(), message: words(status) }
    }

    async fn bearer(&self) -> Result<MetadataValue<Ascii>, CallError> {
        let path = &self.settings.token_file;
        let content = read_bounded(path, MAX_TOKEN)
            .await
            .map_err(|source| CallError::TokenFile { path: path.clone(), source })?;
        bearer_of(&content).ok_or_else(|| CallError::Token { path: path.clone() })
    }
}

/// The whole of a small file.
async fn read_bounded(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    use tokio::io::AsyncReadExt;
    let mut content = Vec::new();
    tokio::fs::File::open(path).await?.take(limit + 1).read_to_end(&mut content).await?;
    if content.len() as u64 > limit {
        return Err(std::io::Error::new(
            std::io::ErrorKind::FileTooLarge,
            format!("more than {limit} bytes"),
        ));
    }
    Ok(content)
}

fn bearer_of(content: &[u8]) -> Option<MetadataValue<Ascii>> {
    let token = std::str::from_utf8(content).ok()?.trim();
    let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    let mut value = is_token.then(|| MetadataValue::try_from(format!("Bearer {token}")).ok())??;
    value.set_sensitive(true);
    Some(value)
}

/// A status in one line, with its chain of causes: tonic's own words for a failed connection are only "transport error".
fn words(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
