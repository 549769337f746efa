//! State that a connection's driver shares with its handles and streams.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error::ProtocolError;
use crate::metered::Meter;
use crate::settings::Http2;
use crate::stream::StreamError;
use crate::window::{Account, Growth};

/// Why a connection ended or did not start.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The peer did not finish the HTTP/2 handshake in time.
    #[error("the HTTP/2 handshake timed out")]
    HandshakeTimeout,
    /// The peer sent nothing, not even an answer to a PING.
    #[error("the peer no longer answers")]
    Silent,
    /// This side ended it, with its streams.
    #[error("ended by the mesh")]
    Aborted,
    /// A write failed.
    #[error("cannot send: {0}")]
    Write(std::io::Error),
    /// The transport failed, or the peer broke HTTP/2.
    #[error(transparent)]
    Http2(ProtocolError),
}

impl ConnectionError {
    pub(crate) fn of(error: h2::Error) -> Self {
        Self::Http2(ProtocolError::of(error))
    }
}

/// The state of one connection, dialled or accepted.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) meter: Rc<Meter>,
    pub(crate) growth: Growth,
    pub(crate) account: Arc<Account>,
    /// When the peer was last heard, as the driver saw it.
    pub(crate) heard: Cell<Instant>,
    streams: Cell<usize>,
    idle_since: Cell<Instant>,
    /// Notified when the last stream ends, and when the driver does.
    pub(crate) idle: Notify,
    /// Notified when a PING is answered, and when the driver ends.
    pub(crate) answered: Notify,
    ping_wanted: Cell<bool>,
    aborted: Cell<bool>,
    retired: Cell<bool>,
    ended: Cell<bool>,
    driver: RefCell<Option<Waker>>,
}

impl State {
    pub(crate) fn new(settings: &Http2, account: &Arc<Account>) -> Rc<Self> {
        let window = settings.clamp_stream_window(settings.stream_window);
        let limit = settings.clamp_stream_window(settings.stream_window_limit);
        let now = Instant::now();
        Rc::new(Self {
            meter: Rc::default(),
            growth: Growth::new(window, limit),
            account: account.clone(),
            heard: Cell::new(now),
            streams: Cell::new(0),
            idle_since: Cell::new(now),
            idle: Notify::new(),
            answered: Notify::new(),
            ping_wanted: Cell::new(false),
            aborted: Cell::new(false),
            retired: Cell::new(false),
            ended: Cell::new(false),
            driver: RefCell::new(None),
        })
    }

    pub(crate) fn streams(&self) -> usize {
        self.streams.get()
    }

    /// The window size that the account allows at present.
    pub(crate) fn window_bound(&self) -> u32 {
        self.account.window(self.streams())
    }

    /// Shrinks windows that have become too large, and announces a changed size to the peer. `tell` returns false while
    /// the peer has not acknowledged the last change.
    pub(crate) fn adjust_windows(&self, tell: impl FnOnce(u32) -> bool) {
        if self.growth.has_grown() {
            self.growth.shrink(self.window_bound());
        }
        if let Some(window) = self.growth.unannounced()
            && tell(window)
        {
            self.growth.announce(window);
        }
    }

    /// Since when no stream has been open. Before the first stream: since the connection started.
    pub(crate) fn idle_since(&self) -> Instant {
        self.idle_since.get()
    }

    pub(crate) fn want_ping(&self) {
        self.ping_wanted.set(true);
        self.wake_driver();
    }

    pub(crate) fn ping_wanted(&self) -> bool {
        self.ping_wanted.get()
    }

    pub(crate) fn ping_sent(&self) {
        self.ping_wanted.set(false);
    }

    /// Makes the driver end the connection and its streams at once.
    pub(crate) fn abort(&self) {
        self.aborted.set(true);
        self.wake_driver();
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.aborted.get()
    }

    /// Opens no more streams. Open ones go on.
    pub(crate) fn retire(&self) {
        self.retired.set(true);
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.get()
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.ended.get()
    }

    /// The driver is gone: tasks that wait for an answer or for idleness wake.
    pub(crate) fn end(&self) {
        self.ended.set(true);
        self.answered.notify_waiters();
        self.idle.notify_waiters();
    }

    pub(crate) fn register_driver(&self, waker: &Waker) {
        let mut driver = self.driver.borrow_mut();
        if !driver.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *driver = Some(waker.clone());
        }
    }

    fn wake_driver(&self) {
        // Taken out first: a waker may run code of its own.
        let waker = self.driver.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A slot for one stream, held from its reservation until the last handle is gone.
#[derive(Debug)]
pub(crate) struct StreamSlot {
    state: Rc<State>,
}

impl StreamSlot {
    pub(crate) fn take(state: &Rc<State>) -> Self {
        state.streams.set(state.streams.get() + 1);
        Self { state: state.clone() }
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Translates h2's `error` into the stream's.
    pub(crate) fn broken(&self, error: h2::Error) -> StreamError {
        if self.state.is_aborted() {
            return StreamError::Aborted;
        }
        let below = self.state.meter.error().filter(|_| error.is_io());
        below.map_or_else(|| StreamError::of(error), StreamError::Io)
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        let left = self.state.streams.get().saturating_sub(1);
        self.state.streams.set(left);
        if left == 0 {
            self.state.idle_since.set(Instant::now());
            self.state.idle.notify_waiters();
        }
    }
}
