//! Notices a reset while the socket is not read, because the other side takes nothing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::net::TcpStream;

type ErrorFuture<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + 'a>>;

/// Watches a socket for an error. Holds no memory until its first poll.
pub(super) struct ResetWatch<'a> {
    socket: &'a TcpStream,
    error: Option<ErrorFuture<'a>>,
}

impl<'a> ResetWatch<'a> {
    pub(super) fn new(socket: &'a TcpStream) -> Self {
        Self { socket, error: None }
    }

    /// Ready with the error that broke the connection.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let socket = self.socket;
        let error = self
            .error
            .get_or_insert_with(|| Box::pin(async { socket.ready(Interest::ERROR).await.map(drop) }));
        let seen = ready!(error.as_mut().poll(cx));
        // The future has completed: the next poll needs a new one.
        self.error = None;
        match seen.and_then(|()| socket.take_error()) {
            Ok(Some(error)) | Err(error) => Poll::Ready(error),
            // A read or write took the error, and reports it.
            Ok(None) => Poll::Pending,
        }
    }

    /// Stops watching: reading goes on and sees errors itself.
    pub(super) fn forget(&mut self) {
        self.error = None;
    }
}
