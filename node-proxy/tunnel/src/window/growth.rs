//! How far the flow-control windows of one connection grow.
//!
//! A window limits a stream when it receives about a window's worth in one round trip. So while a stream receives a
//! lot, a PING measures a round trip; if the busiest stream received at least half a window meanwhile, all windows
//! double (HTTP/2 has one initial size for all streams of a connection).

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// Between two measurements.
const INTERVAL: Duration = Duration::from_millis(50);

/// The windows of one connection.
#[derive(Debug)]
pub(crate) struct Growth {
    window: Cell<u32>,
    limit: u32,
    /// Streams count what they receive since this number last changed.
    round: Cell<u64>,
    /// What the busiest stream received in this round.
    busiest: Cell<u64>,
    measuring: Cell<bool>,
    last: Cell<Option<Instant>>,
}

/// What one stream received in the present round.
#[derive(Debug, Default)]
pub(crate) struct RoundShare {
    round: u64,
    bytes: u64,
}

impl Growth {
    pub(crate) fn new(window: u32, limit: u32) -> Self {
        Self {
            window: Cell::new(window),
            limit,
            round: Cell::new(0),
            busiest: Cell::new(0),
            measuring: Cell::new(false),
            last: Cell::new(None),
        }
    }

    /// A stream received `bytes`.
    pub(crate) fn received(&self, share: &mut RoundShare, bytes: usize) {
        if share.round != self.round.get() {
            *share = RoundShare { round: self.round.get(), bytes: 0 };
        }
        share.bytes = share.bytes.saturating_add(bytes as u64);
        self.busiest.set(self.busiest.get().max(share.bytes));
    }

    /// Whether a round trip should be measured now.
    pub(crate) fn wants_measurement(&self, now: Instant) -> bool {
        !self.measuring.get()
            && self.window.get() < self.limit
            && self.half_a_window()
            && self.last.get().is_none_or(|last| now.duration_since(last) >= INTERVAL)
    }

    /// A PING is on its way.
    pub(crate) fn begin(&self, now: Instant) {
        self.measuring.set(true);
        self.last.set(Some(now));
        self.next_round();
    }

    /// It was answered: the window that all streams should have from now on, when that is another one.
    pub(crate) fn end(&self, permitted: bool) -> Option<u32> {
        if !self.measuring.replace(false) {
            return None;
        }
        let limited = self.half_a_window();
        self.next_round();
        (limited && permitted).then(|| {
            let window = self.window.get().saturating_mul(2).min(self.limit);
            self.window.set(window);
            window
        })
    }

    fn half_a_window(&self) -> bool {
        self.busiest.get() >= u64::from(self.window.get() / 2)
    }

    fn next_round(&self) {
        self.round.set(self.round.get().wrapping_add(1));
        self.busiest.set(0);
    }
}

#[cfg(test)]
mod tests;
