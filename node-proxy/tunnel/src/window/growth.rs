//! Decides how far the flow-control windows of one connection grow, and when they shrink.
//!
//! A window limits a stream that receives about a window in one round trip. So while a stream receives much, a PING
//! measures a round trip. If the busiest stream received at least half a window meanwhile, all windows double, as
//! HTTP/2 has one initial size for all streams of a connection. When the Pod's account cannot bear such windows, they
//! halve, down to their first size.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// Time between two measurements.
const INTERVAL: Duration = Duration::from_millis(50);

/// The windows of one connection.
#[derive(Debug)]
pub(crate) struct Growth {
    window: Cell<u32>,
    /// The window that the peer was told last.
    announced: Cell<u32>,
    least: u32,
    most: u32,
    /// Number of the present round, in which streams count received bytes.
    round: Cell<u64>,
    /// Bytes that the busiest stream received in this round.
    busiest: Cell<u64>,
    measuring: Cell<bool>,
    last: Cell<Option<Instant>>,
}

/// Bytes that one stream received in a round.
#[derive(Debug, Default)]
pub(crate) struct RoundShare {
    round: u64,
    bytes: u64,
}

impl Growth {
    /// Windows from `least`, which the peer knows, to `most`.
    pub(crate) fn new(least: u32, most: u32) -> Self {
        Self {
            window: Cell::new(least),
            announced: Cell::new(least),
            least,
            most,
            round: Cell::new(0),
            busiest: Cell::new(0),
            measuring: Cell::new(false),
            last: Cell::new(None),
        }
    }

    /// Counts `bytes` that a stream received.
    pub(crate) fn received(&self, share: &mut RoundShare, bytes: usize) {
        if share.round != self.round.get() {
            *share = RoundShare { round: self.round.get(), bytes: 0 };
        }
        share.bytes = share.bytes.saturating_add(bytes as u64);
        self.busiest.set(self.busiest.get().max(share.bytes));
    }

    /// Whether windows exceed their first size.
    pub(crate) fn has_grown(&self) -> bool {
        self.window.get() > self.least
    }

    /// The present window, if the peer does not know it yet.
    pub(crate) fn unannounced(&self) -> Option<u32> {
        let window = self.window.get();
        (window != self.announced.get()).then_some(window)
    }

    /// Records that the peer is told of `window`.
    pub(crate) fn announce(&self, window: u32) {
        self.announced.set(window);
    }

    /// Halves the windows until they are within `bound`.
    pub(crate) fn shrink(&self, bound: u32) {
        let mut window = self.window.get();
        while window > bound.max(self.least) {
            window = (window / 2).max(self.least);
        }
        if window != self.window.replace(window) {
            // Bytes that a larger window let through say nothing about this one.
            self.next_round();
        }
    }

    /// Whether to measure a round trip now, when windows must stay within `bound`.
    pub(crate) fn wants_measurement(&self, now: Instant, bound: u32) -> bool {
        !self.measuring.get()
            && self.doubled(bound).is_some()
            && self.half_a_window()
            && self.last.get().is_none_or(|last| now.duration_since(last) >= INTERVAL)
    }

    /// A PING was sent.
    pub(crate) fn begin(&self, now: Instant) {
        self.measuring.set(true);
        self.last.set(Some(now));
        self.next_round();
    }

    /// The PING was answered: windows grow if they limited a stream meanwhile, within `bound`.
    pub(crate) fn end(&self, bound: u32) {
        if !self.measuring.replace(false) {
            return;
        }
        let limited = self.half_a_window();
        self.next_round();
        if let Some(window) = self.doubled(bound).filter(|_| limited) {
            self.window.set(window);
        }
    }

    /// The next larger window, if allowed.
    fn doubled(&self, bound: u32) -> Option<u32> {
        let window = self.window.get();
        let doubled = window.saturating_mul(2).min(self.most);
        (doubled > window && doubled <= bound).then_some(doubled)
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
