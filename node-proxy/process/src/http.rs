//! A small HTTP/1 server for a program's metrics, readiness and dumps.
//!
//! It serves GET and HEAD on a handful of paths. Connections, the time for a request's head and a connection's life are
//! limited.
//!
//! * [`serve_apart`] – serves ports on a separate thread
//! * `shared` – an answer made at most once a second

mod shared;
mod thread;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use crate::drain::Drain;
use shared::SharedAnswer;

pub use thread::serve_apart;

/// A handler's answer.
pub type Answer = http::Response<Full<Bytes>>;
/// A request's head; a body is ignored.
pub type Request = http::request::Parts;

type Handler = Box<dyn Fn(Request) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync>;

/// Connections at a time. One more ends the oldest, so that idle connections keep nobody out.
const CONNECTIONS: usize = 32;
/// Time for a request's head, the first and the next.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest life of a connection, however busy: the few slots come free.
const CONNECTION_LIFE: Duration = Duration::from_secs(60);
/// Longest head of a request, in bytes.
const HEAD_SIZE: usize = 16 * 1024;
/// Pause before accepting again after an error such as "too many open files".
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Paths and their handlers.
#[derive(Default)]
pub struct Routes {
    handlers: Vec<(&'static str, Handler)>,
}

impl Routes {
    /// No paths: every request gets 404.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a path with an immediate answer. The first of two equal paths counts.
    #[must_use]
    pub fn at(self, path: &'static str, answer: impl Fn() -> Answer + Send + Sync + 'static) -> Self {
        self.handler(path, Box::new(move |_| Box::pin(std::future::ready(answer()))))
    }

    /// Adds a path with an awaited answer, which may depend on the query or headers.
    #[must_use]
    pub fn at_async<F>(
        self,
        path: &'static str,
        answer: impl Fn(Request) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        self.handler(path, Box::new(move |request| Box::pin(answer(request))))
    }

    /// Adds paths that share one answer, made at most once a second: it may cost more than a request for it.
    #[must_use]
    pub fn at_shared<F>(self, paths: &[&'static str], answer: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let shared = Arc::new(SharedAnswer::new(answer));
        paths.iter().fold(self, |routes, path| {
            let shared = Arc::clone(&shared);
            let handler = move |_| {
                let shared = Arc::clone(&shared);
                async move { shared.get().await }
            };
            routes.at_async(path, handler)
        })
    }

    fn handler(mut self, path: &'static str, handler: Handler) -> Self {
        self.handlers.push((path, handler));
        self
    }

    async fn answer(&self, request: http::Request<Incoming>) -> Answer {
        let (request, _) = request.into_parts();
        let found = self.handlers.iter().find(|(path, _)| *path == request.uri.path());
        let Some((_, handler)) = found else {
            return text(StatusCode::NOT_FOUND, self.map());
        };
        // hyper omits the body in an answer to HEAD.
        if request.method != Method::GET && request.method != Method::HEAD {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        handler(request).await
    }

    fn map(&self) -> String {
        let paths = self.handlers.iter().map(|(path, _)| format!("  {path}\n"));
        std::iter::once("not found; available:\n".to_owned()).chain(paths).collect()
    }
}

/// A plain-text answer.
#[must_use]
pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    answer(status, HeaderValue::from_static("text/plain; charset=utf-8"), body)
}

/// A JSON answer with status 200.
#[must_use]
pub fn json(body: impl Into<Bytes>) -> Answer {
    answer(StatusCode::OK, HeaderValue::from_static("application/json"), body)
}

/// Any answer.
#[must_use]
pub fn answer(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Answer {
    let mut answer = Answer::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {error}")]
pub struct ListenError {
    address: SocketAddr,
    error: std::io::Error,
}

/// Opens a listening socket. `[::]` also takes IPv4.
///
/// # Errors
/// When the address cannot be listened on; the error names it.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|error| ListenError { address, error })
}

/// Serves on the current runtime until the drain is over: metrics and readiness stay readable during the drain.
pub async fn serve(listener: TcpListener, routes: Routes, drain: Drain) {
    let routes = Arc::new(routes);
    let mut connections = JoinSet::new();
    // In order of arrival.
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    let accepting = async {
        loop {
            let stream = accept(&listener).await;
            while connections.try_join_next().is_some() {}
            open.retain(|connection| !connection.is_finished());
            if open.len() >= CONNECTIONS
                && let Some(oldest) = open.pop_front()
            {
                oldest.abort();
            }
            let routes = Arc::clone(&routes);
            open.push_back(connections.spawn(async move { serve_connection(stream, &routes).await }));
        }
    };
    tokio::select! {
        () = accepting => {}
        () = drain.over() => {}
    }
    connections.shutdown().await;
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a reader of metrics, readiness or dumps");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, routes: &Routes) {
    let service = service_fn(async |request| Ok::<_, Infallible>(routes.answer(request).await));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_SIZE)
        .serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = tokio::time::timeout(CONNECTION_LIFE, connection).await {
        tracing::debug!(%error, "a reader of metrics, readiness or dumps failed");
    }
}

#[cfg(test)]
mod tests;
