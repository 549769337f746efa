//! What a worker shows of itself: that it is alive, and how much it carries.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What others can see of a worker without asking it.
#[derive(Debug)]
pub(crate) struct Pulse {
    began: Instant,
    beat_ms: AtomicU64,
    live: AtomicUsize,
    tunnels: AtomicUsize,
}

impl Pulse {
    /// Of a worker that begins now.
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            beat_ms: AtomicU64::new(0),
            live: AtomicUsize::new(0),
            tunnels: AtomicUsize::new(0),
        }
    }

    /// It is alive.
    pub(crate) fn beat(&self) {
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.beat_ms.store(elapsed, Ordering::Relaxed);
    }

    /// How long ago it last showed that it is alive.
    pub(crate) fn age(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.beat_ms.load(Ordering::Relaxed)))
    }

    /// It has so many open connections, and so many tunnels that it has dialled.
    pub(crate) fn show(&self, live: usize, tunnels: usize) {
        self.live.store(live, Ordering::Relaxed);
        self.tunnels.store(tunnels, Ordering::Relaxed);
    }

    /// Connections that are open on it.
    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Tunnels that it has dialled.
    pub(crate) fn tunnels(&self) -> usize {
        self.tunnels.load(Ordering::Relaxed)
    }
}
