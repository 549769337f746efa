//! Plain HTTP to a program of this machine, over one connection.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// A connection.
#[derive(Debug)]
pub(super) struct Http(SendRequest<Full<Bytes>>);

impl Http {
    /// Connects to a port.
    pub(super) fn connect(runtime: &Runtime, port: u16) -> Result<Self> {
        let (sender, connection) = runtime.block_on(async {
            let stream = TcpStream::connect(("127.0.0.1", port)).await?;
            stream.set_nodelay(true)?;
            anyhow::Ok(http1::handshake(TokioIo::new(stream)).await?)
        })?;
        runtime.spawn(connection);
        Ok(Self(sender))
    }

    /// Sends a request with a JSON body, and returns that of the answer.
    pub(super) fn call(
        &mut self,
        runtime: &Runtime,
        method: &Method,
        path: &str,
        content_type: &str,
        body: &Value,
    ) -> Result<Value> {
        let request = Request::builder().method(method).uri(path).header(HOST, "localhost");
        let body = Full::new(Bytes::from(body.to_string()));
        let request = request.header(CONTENT_TYPE, content_type).body(body)?;
        let answer = runtime.block_on(async {
            self.0.ready().await?;
            let answer = self.0.send_request(request).await?;
            let status = answer.status();
            let text = answer.into_body().collect().await?.to_bytes();
            let text = String::from_utf8_lossy(&text).into_owned();
            ensure!(status.is_success(), "{status}: {}", text.trim());
            Ok(serde_json::from_str(&text)?)
        });
        answer.with_context(|| format!("{method} {path}"))
    }
}
