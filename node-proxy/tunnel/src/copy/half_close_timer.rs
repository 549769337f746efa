//! Limits how long one direction may outlast the other.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::CopyError;

/// The idle timer of a half-closed flow.
pub(super) struct HalfCloseTimer {
    timeout: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    moved: u64,
}

impl HalfCloseTimer {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, timer: None, moved: 0 }
    }

    /// Ready when both directions have ended, or when the remaining one moved nothing for too long. `moved` counts the
    /// bytes so far.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        ended: (Poll<()>, Poll<()>),
        moved: u64,
    ) -> Poll<Result<(), CopyError>> {
        match (ended.0.is_ready(), ended.1.is_ready()) {
            (true, true) => Poll::Ready(Ok(())),
            (false, false) => Poll::Pending,
            (true, false) | (false, true) => self.poll_timeout(cx, moved).map(Err),
        }
    }

    /// Ready when nothing has moved for the timeout.
    fn poll_timeout(&mut self, cx: &mut Context<'_>, moved: u64) -> Poll<CopyError> {
        loop {
            let timeout = self.timeout;
            let timer = self.timer.get_or_insert_with(|| {
                self.moved = moved;
                Box::pin(sleep(timeout))
            });
            ready!(timer.as_mut().poll(cx));
            if self.moved == moved {
                return Poll::Ready(CopyError::HalfCloseTimeout);
            }
            self.timer = None;
        }
    }
}
