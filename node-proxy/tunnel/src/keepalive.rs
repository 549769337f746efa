//! Decides when to PING a silent peer, and when to give up on it.

use std::time::Duration;

use tokio::time::Instant;

/// The rule of one connection. It applies only while someone waits for the peer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keepalive {
    /// Silence before a PING.
    pub(crate) after: Duration,
    /// Silence after the PING.
    pub(crate) timeout: Duration,
}

/// The next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Do nothing before this time.
    Wait(Instant),
    /// Send a PING.
    Ping,
    /// The peer is gone.
    GiveUp,
}

impl Keepalive {
    /// Decides by when the peer was last heard and when an unanswered PING was sent. Any byte proves life: a busy
    /// connection is never asked, and a PING behind much data does not end it.
    pub(crate) fn next(self, now: Instant, heard: Instant, unanswered: Option<Instant>) -> Next {
        match unanswered {
            None if now >= heard + self.after => Next::Ping,
            None => Next::Wait(heard + self.after),
            Some(sent) => {
                let deadline = sent.max(heard) + self.timeout;
                if now >= deadline { Next::GiveUp } else { Next::Wait(deadline) }
            }
        }
    }
}

#[cfg(test)]
mod tests;
