//! What of a request decides how its answer is framed.

use http::{HeaderMap, Method, header};

/// Needed to read the answer, and to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestFacts {
    /// HEAD: the answer has no body, whatever it announces.
    pub is_head: bool,
    /// CONNECT: an answer of 2xx begins a tunnel. Only of requests that the proxy sends.
    pub is_connect: bool,
    /// `Expect: 100-continue`: the client waits for a 100 before it sends the body.
    pub expects_continue: bool,
    /// The protocol that it wants to go on with.
    pub upgrade: Option<Upgrade>,
}

/// The protocol of an `Upgrade`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrade {
    /// RFC 6455.
    WebSocket,
    /// Another protocol, or several to choose from.
    Other,
}

impl RequestFacts {
    /// Of a request that is about to be sent to a backend.
    #[must_use]
    pub fn of(method: &Method, headers: &HeaderMap) -> Self {
        let mut protocols = headers.get_all(header::UPGRADE).iter();
        let is_websocket = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"websocket");
        let upgrade = protocols.next().map(|first| match protocols.next() {
            None if is_websocket(first) => Upgrade::WebSocket,
            _ => Upgrade::Other,
        });
        Self {
            is_head: method == Method::HEAD,
            is_connect: method == Method::CONNECT,
            expects_continue: headers.contains_key(header::EXPECT),
            upgrade,
        }
    }
}
