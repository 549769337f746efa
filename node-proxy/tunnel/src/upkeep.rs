//! Sends PINGs for keepalive, for probes, and for the round trip that lets windows grow. Also ends unused connections.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use h2::{Ping, PingPong};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::connection::State;
use crate::keepalive::{Keepalive, Next};
use crate::settings::Http2;

/// Runs inside a connection's driver. It does not tell pings of one connection apart: one answer serves all.
#[derive(Debug)]
pub(crate) struct Upkeep {
    state: Rc<State>,
    settings: Http2,
    /// None only if someone else took the connection's handle, which our code never does.
    ping: Option<PingPong>,
    unanswered: Option<Instant>,
    /// When an idle connection's peer was told to use it no more.
    told_to_leave: Option<Instant>,
    timer: Pin<Box<Sleep>>,
    counted: u64,
}

/// What the driver must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// Adjust windows: a round trip was measured.
    Measured,
    /// Take no more streams: none was open for long.
    Idle,
    /// End the connection: the peer is gone.
    Silent,
}

impl Upkeep {
    pub(crate) fn new(state: Rc<State>, settings: &Http2, ping: Option<PingPong>) -> Self {
        let timer = Box::pin(sleep_until(Instant::now() + settings.keepalive));
        Self {
            state,
            settings: settings.clone(),
            ping,
            unanswered: None,
            told_to_leave: None,
            timer,
            counted: 0,
        }
    }

    /// Call it after polling the connection.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let now = Instant::now();
        let received = self.state.meter.received();
        if received != self.counted {
            self.counted = received;
            self.hear(now);
        }
        if let Some(event) = self.poll_answer(cx) {
            return Poll::Ready(event);
        }
        if self.state.ping_wanted() {
            self.send(now);
        }
        self.poll_timer(cx, now)
    }

    fn hear(&mut self, now: Instant) {
        self.state.heard.set(now);
        if self.unanswered.is_none() && self.state.growth.wants_measurement(now, self.state.window_bound()) {
            self.state.growth.begin(now);
            self.send(now);
        }
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Option<Event> {
        let ping = self.ping.as_mut().filter(|_| self.unanswered.is_some())?;
        match ping.poll_pong(cx) {
            Poll::Pending => return None,
            // The connection's own poll reports its error.
            Poll::Ready(Err(_)) => {
                self.ping = None;
                return None;
            }
            Poll::Ready(Ok(_)) => {}
        }
        self.unanswered = None;
        self.state.answered.notify_waiters();
        self.state.growth.end(self.state.window_bound());
        Some(Event::Measured)
    }

    /// Sends a PING, unless one is unanswered.
    fn send(&mut self, now: Instant) {
        self.state.ping_sent();
        if self.unanswered.is_some() {
            return;
        }
        match self.ping.as_mut().map(|ping| ping.send_ping(Ping::opaque())) {
            Some(Ok(())) => self.unanswered = Some(now),
            // The connection is closed, and its own poll reports why.
            Some(Err(_)) | None => self.ping = None,
        }
    }

    /// Does what is due now, and waits for the next.
    fn poll_timer(&mut self, cx: &mut Context<'_>, mut now: Instant) -> Poll<Event> {
        loop {
            let someone_waits = self.state.streams() > 0 || self.unanswered.is_some();
            let due = if someone_waits { self.keep_alive(now) } else { self.rest(now) };
            let until = match due {
                Due::Now(event) => return Poll::Ready(event),
                Due::Never => return Poll::Pending,
                Due::At(until) => until,
            };
            // The timer does not move with every byte: it fires early and is set again.
            if self.timer.is_elapsed() || self.timer.deadline() > until {
                self.timer.as_mut().reset(until);
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            now = Instant::now();
        }
    }

    /// The step while streams or a PING wait for the peer.
    fn keep_alive(&mut self, now: Instant) -> Due {
        let rule = Keepalive { after: self.settings.keepalive, timeout: self.settings.keepalive_timeout };
        match rule.next(now, self.state.heard.get(), self.unanswered) {
            Next::GiveUp => Due::Now(Event::Silent),
            Next::Ping => {
                self.send(now);
                self.unanswered.map_or(Due::Never, |_| Due::At(now + rule.timeout))
            }
            Next::Wait(until) => Due::At(until),
        }
    }

    /// The step while nobody waits. A peer that was told to leave and does not close its end is gone.
    fn rest(&mut self, now: Instant) -> Due {
        let since = self.state.idle_since();
        let (due, event) = match (self.told_to_leave, self.settings.idle) {
            (Some(told), _) => (told.max(since) + self.settings.keepalive_timeout, Event::Silent),
            (None, Some(idle)) => (since + idle, Event::Idle),
            (None, None) => return Due::Never,
        };
        if now < due {
            return Due::At(due);
        }
        self.told_to_leave.get_or_insert(now);
        Due::Now(event)
    }
}

/// When something is due.
enum Due {
    Now(Event),
    At(Instant),
    Never,
}
