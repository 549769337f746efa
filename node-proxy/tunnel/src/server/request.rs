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

/// A peer's request. Dropping it without an answer resets it.
#[derive(Debug)]
pub struct Request {
    head: Parts,
    respond: SendResponse<Bytes>,
    reader: Reader,
    slot: Rc<StreamSlot>,
}

/// The peer cancelled a request before its answer.
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

    /// Whether this is a CONNECT without a path, as in RFC 9113 section 8.5.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        self.head.method == Method::CONNECT && self.head.extensions.get::<h2::ext::Protocol>().is_none()
    }

    /// The target, if the request names one; [`crate::headers::Target`] parses it.
    #[must_use]
    pub fn authority(&self) -> Option<&Authority> {
        self.head.uri.authority()
    }

    /// The request's headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// Frees the headers of a request that may wait: the peer chose their length.
    pub fn forget(&mut self) {
        (self.head, ()) = http::Request::new(()).into_parts();
    }

    /// Answers 200. The stream runs in both directions from then on.
    ///
    /// # Errors
    /// When the peer has cancelled, or the connection broke.
    pub fn accept(mut self) -> Result<Stream, StreamError> {
        let send = self.respond.send_response(Response::new(()), false).map_err(StreamError::of)?;
        Ok(Stream::from_halves(self.reader, Writer::new(send, self.slot)))
    }

    /// Answers another status and ends the stream.
    pub fn refuse(mut self, status: StatusCode) {
        let mut response = Response::new(());
        *response.status_mut() = status;
        // Fails only if the peer is gone or has cancelled: nobody waits for the answer.
        self.respond.send_response(response, true).ok();
    }

    /// Tells the peer that nothing was done and that another connection may take the request (RFC 9113 section 8.7).
    pub fn send_elsewhere(mut self) {
        self.respond.send_reset(Reason::REFUSED_STREAM);
    }

    /// Waits until the peer cancels the request; race it against the request's work. Also counts the bytes that the
    /// peer sends before the answer.
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
