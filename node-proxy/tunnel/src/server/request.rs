//! One CONNECT that waits for an answer.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, Method, Response, StatusCode};

use crate::connection::{State, StreamSlot};
use crate::stream::{Reader, Stream, StreamError, Writer};

/// What the peer asks for. Dropped without an answer, it is reset.
#[derive(Debug)]
pub struct Request {
    head: Parts,
    respond: SendResponse<Bytes>,
    reader: Reader,
    slot: Rc<StreamSlot>,
}

/// The peer gave a request up before it was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the peer cancelled the request")]
pub struct Abandoned;

impl Request {
    pub(super) fn new(
        head: http::Request<RecvStream>,
        respond: SendResponse<Bytes>,
        state: &Rc<State>,
    ) -> Self {
        let (head, body) = head.into_parts();
        let slot = Rc::new(StreamSlot::take(state));
        Self { head, respond, reader: Reader::new(body, slot.clone()), slot }
    }

    /// Whether this is a CONNECT as RFC 9113 section 8.5 means it, without a path.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        self.head.method == Method::CONNECT && self.head.extensions.get::<h2::ext::Protocol>().is_none()
    }

    /// Where to, if the request says so; [`crate::headers::Target`] makes an address of it.
    #[must_use]
    pub fn authority(&self) -> Option<&Authority> {
        self.head.uri.authority()
    }

    /// What was sent beside it.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// Frees what was asked, for a request that may wait: its peer chose how long its headers are.
    pub fn forget(&mut self) {
        (self.head, ()) = http::Request::new(()).into_parts();
    }

    /// Answers 200. The stream runs in both directions from now on.
    ///
    /// # Errors
    /// When the peer has given up, or the connection broke.
    pub fn accept(mut self) -> Result<Stream, StreamError> {
        let send = self.respond.send_response(Response::new(()), false)?;
        Ok(Stream::from_halves(self.reader, Writer::new(send, self.slot)))
    }

    /// Answers another status, and ends the stream.
    pub fn refuse(mut self, status: StatusCode) {
        let mut response = Response::new(());
        *response.status_mut() = status;
        // Fails only if the peer is gone or has given up, and then nobody waits for it.
        self.respond.send_response(response, true).ok();
    }

    /// Says that nothing was done with it and that it may be sent again on another connection (RFC 9113 section 8.7).
    pub fn send_elsewhere(mut self) {
        self.respond.send_reset(Reason::REFUSED_STREAM);
    }

    /// Waits until the peer gives the request up: to be raced against what is done for it. Also keeps count of what the
    /// peer sends ahead of the answer.
    pub async fn abandoned(&mut self) -> Abandoned {
        poll_fn(|cx| {
            if self.reader.poll_pull(cx).is_err() || self.reader.park(cx).is_err() {
                return Poll::Ready(Abandoned);
            }
            self.respond.poll_reset(cx).map(|_| Abandoned)
        })
        .await
    }
}
