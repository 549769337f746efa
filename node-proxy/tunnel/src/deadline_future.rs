//! A future that ends a busy task some day: a Pod's leave, a certificate's end, an idle time.
//!
//! A tunnel's task wakes for every message, and each wake polls all its futures. Polling such a future each time cost
//! more than the message. So it is polled only after its own wake.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use atomic_waker::AtomicWaker;

/// Polls its future only after that future's own wake. Stays pending once the future has ended. The caller pins the
/// future, with `pin!` or `Box::pin`.
#[derive(Debug)]
pub struct DeadlineFuture<F> {
    /// None once it has ended.
    future: Option<F>,
    wake: Arc<WakeFlag>,
    /// Wakes through `wake`.
    waker: Waker,
}

/// Whether the future was woken since its last poll, and the task to wake with it.
#[derive(Debug)]
struct WakeFlag {
    is_woken: AtomicBool,
    task: AtomicWaker,
}

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl<F: Future + Unpin> DeadlineFuture<F> {
    /// Polls `future` at the first poll, and then after each of its wakes.
    pub fn new(future: F) -> Self {
        let wake = Arc::new(WakeFlag { is_woken: AtomicBool::new(true), task: AtomicWaker::new() });
        let waker = Waker::from(Arc::clone(&wake));
        Self { future: Some(future), wake, waker }
    }
}

impl<F: Future + Unpin> Future for DeadlineFuture<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // Before the flag is read, so that a wake in between wakes the task again.
        self.wake.task.register(cx.waker());
        if !self.wake.is_woken.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let Self { future, waker, .. } = &mut *self;
        let Some(running) = future else { return Poll::Pending };
        let ended = Pin::new(running).poll(&mut Context::from_waker(waker));
        if ended.is_ready() {
            *future = None;
        }
        ended
    }
}

#[cfg(test)]
mod tests;
