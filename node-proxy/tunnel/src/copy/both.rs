//! Two directions until both have ended, with a bound on how long one may stay behind the other.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::{CopyError, Counters};

type Step = Poll<Result<(), CopyError>>;

/// Polls both; the first error ends both.
pub(super) async fn both(
    mut there: impl FnMut(&mut Context<'_>) -> Step,
    mut back: impl FnMut(&mut Context<'_>) -> Step,
    counters: &Counters,
    half_close_timeout: Duration,
) -> Result<(), CopyError> {
    let mut straggler = Straggler::new(half_close_timeout);
    poll_fn(|cx| {
        let ended = (there(cx)?.is_ready(), back(cx)?.is_ready());
        match ended {
            (true, true) => Poll::Ready(Ok(())),
            (false, false) => Poll::Pending,
            (true, false) | (false, true) => straggler.poll(cx, counters.total()).map(Err),
        }
    })
    .await
}

/// Watches a half-closed flow.
struct Straggler {
    patience: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    moved: u64,
}

impl Straggler {
    fn new(patience: Duration) -> Self {
        Self { patience, timer: None, moved: 0 }
    }

    /// Ready when nothing has moved for as long as it may.
    fn poll(&mut self, cx: &mut Context<'_>, moved: u64) -> Poll<CopyError> {
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
