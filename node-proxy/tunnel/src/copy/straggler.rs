//! Runs two directions until both have ended, and limits how long one may outlast the other.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::CopyError;

/// Watches a half-closed flow.
pub(super) struct Straggler {
    patience: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    moved: u64,
}

impl Straggler {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, timer: None, moved: 0 }
    }

    /// Ready when both directions have ended, or nothing has `moved` for too long in the one that is left.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        ended: (Poll<()>, Poll<()>),
        moved: u64,
    ) -> Poll<Result<(), CopyError>> {
        match (ended.0.is_ready(), ended.1.is_ready()) {
            (true, true) => Poll::Ready(Ok(())),
            (false, false) => Poll::Pending,
            (true, false) | (false, true) => self.poll_patience(cx, moved).map(Err),
        }
    }

    /// Ready when nothing has moved for as long as it may.
    fn poll_patience(&mut self, cx: &mut Context<'_>, moved: u64) -> Poll<CopyError> {
        loop {
            let patience = self.patience;
            let timer = self.timer.get_or_insert_with(|| {
                self.moved = moved;
                Box::pin(sleep(patience))
            });
            ready!(timer.as_mut().poll(cx));
            if self.moved == moved {
                return Poll::Ready(CopyError::HalfCloseTimeout);
            }
            self.timer = None;
        }
    }
}
