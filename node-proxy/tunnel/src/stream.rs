//! One CONNECT stream, of either end.

mod io;
mod reader;
mod unread;
mod writer;

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use h2::{RecvStream, SendStream};

use crate::connection::StreamSlot;
use crate::error::{ProtocolError, ResetReason};
pub use reader::Reader;
pub use writer::Writer;

/// A two-way stream of bytes inside a connection. Each direction ends on its own. Dropping it before both have ended
/// resets it.
#[derive(Debug)]
pub struct Stream {
    reader: Reader,
    writer: Writer,
    shutdown: io::Shutdown,
}

/// Why a stream broke.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The peer reset it.
    #[error("reset by the peer ({0})")]
    Reset(ResetReason),
    /// It held the most unread bytes of a Pod that exceeded its limit.
    #[error("reset because the Pod's limit of unread bytes is reached")]
    UnreadBytes,
    /// This side ended the connection.
    #[error("the connection was ended by the mesh")]
    Aborted,
    /// The connection's transport failed.
    #[error("the connection broke: {0}")]
    Io(Arc<std::io::Error>),
    /// The connection broke the rules of HTTP/2, or ended.
    #[error("the connection broke: {0}")]
    Connection(ProtocolError),
}

impl StreamError {
    pub(crate) fn of(error: h2::Error) -> Self {
        match error.reason() {
            Some(reason) if error.is_reset() => Self::Reset(ResetReason::of(reason)),
            _ => Self::Connection(ProtocolError::of(error)),
        }
    }
}

impl From<StreamError> for std::io::Error {
    fn from(error: StreamError) -> Self {
        Self::new(std::io::ErrorKind::ConnectionReset, error)
    }
}

impl Stream {
    pub(crate) fn new(send: SendStream<Bytes>, recv: RecvStream, slot: StreamSlot) -> Self {
        let slot = Rc::new(slot);
        Self::from_halves(Reader::new(recv, slot.clone()), Writer::new(send, slot))
    }

    pub(crate) fn from_halves(reader: Reader, writer: Writer) -> Self {
        Self { reader, writer, shutdown: io::Shutdown::default() }
    }

    /// The two directions, each for one task. Dropping both frees the stream's slot.
    #[must_use]
    pub fn split(self) -> (Reader, Writer) {
        (self.reader, self.writer)
    }
}
