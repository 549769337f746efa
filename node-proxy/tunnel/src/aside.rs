//! What a busy task waits for beside its work, and hardly ever gets.
//!
//! A tunnel's task is woken for every message, and all futures that share a task are polled whenever it is woken: what
//! should end the tunnel one day cost more than the message. A future of these is polled when it asks to be.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use atomic_waker::AtomicWaker;

/// A future that is polled only after it has asked to be; once it has ended it is pending for ever. It is pinned by whoever
/// makes it, by `pin!` or `Box::pin`.
#[derive(Debug)]
pub struct Aside<F> {
    /// None once it has ended.
    future: Option<F>,
    asked: Arc<Asked>,
    /// Of `asked`.
    waker: Waker,
}

/// Whether the future has asked, and the task to wake then.
#[derive(Debug)]
struct Asked {
    is_asked: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Asked {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_asked.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl<F: Future + Unpin> Aside<F> {
    /// Polled once, as soon as it can be, and then when it asks.
    pub fn new(future: F) -> Self {
        let asked = Arc::new(Asked { is_asked: AtomicBool::new(true), task: AtomicWaker::new() });
        let waker = Waker::from(Arc::clone(&asked));
        Self { future: Some(future), asked, waker }
    }
}

impl<F: Future + Unpin> Future for Aside<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // Before it is looked whether it has asked: who asks in between wakes the task again.
        self.asked.task.register(cx.waker());
        if !self.asked.is_asked.swap(false, Ordering::AcqRel) {
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
