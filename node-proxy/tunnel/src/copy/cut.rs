//! Notices a reset while nothing is read, because the other side takes nothing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::net::TcpStream;

type Trouble<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + 'a>>;

/// Watches a socket for an error; holds nothing until it is first asked.
pub(super) struct Cut<'a> {
    socket: &'a TcpStream,
    trouble: Option<Trouble<'a>>,
}

impl<'a> Cut<'a> {
    pub(super) fn of(socket: &'a TcpStream) -> Self {
        Self { socket, trouble: None }
    }

    /// Ready with what broke the connection; `cx` is woken when something does.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let socket = self.socket;
        let trouble = self
            .trouble
            .get_or_insert_with(|| Box::pin(async { socket.ready(Interest::ERROR).await.map(drop) }));
        let seen = ready!(trouble.as_mut().poll(cx));
        // Ready once: asked again it would wait for something else.
        self.trouble = None;
        match seen.and_then(|()| socket.take_error()) {
            Ok(Some(error)) | Err(error) => Poll::Ready(error),
            // The error was taken by a read or write, which tells it.
            Ok(None) => Poll::Pending,
        }
    }

    /// Reading goes on, and sees for itself.
    pub(super) fn forget(&mut self) {
        self.trouble = None;
    }
}
