//! Settings of an HTTP/2 connection.

use std::time::Duration;

const KIB: u32 = 1024;
const MIB: u32 = 1024 * KIB;

/// Settings of one end of a connection; [`Http2::client`] and [`Http2::server`] are made to work with Istio's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http2 {
    /// Streams at a time: as client, how many to open on one connection; as server, how many the peer may open.
    pub streams: u32,
    /// Bytes that a stream may have in flight towards us, when the connection starts.
    pub stream_window: u32,
    /// How far [`Self::stream_window`] may grow; at most [`Self::MAX_STREAM_WINDOW`] of it is used.
    pub stream_window_limit: u32,
    /// Longest DATA frame that we accept, in bytes: 16 KiB to 16 MiB (RFC 9113 section 6.5.2).
    pub frame: u32,
    /// Longest header list that we accept, in bytes as RFC 9113 section 6.5.2 counts them.
    pub header_list: u32,
    /// Bytes of one stream that wait here to be sent.
    pub send_buffer: usize,
    /// Streams that we reset and still know a second later. What the peer sent before it heard is dropped on these; on
    /// another it would count as [`Self::error_resets`].
    pub known_resets: usize,
    /// Streams that the peer opened and reset before we saw them (CVE-2023-44487): past it the connection ends.
    pub unseen_resets: usize,
    /// Streams that we reset because the peer broke the protocol: past it the connection ends.
    pub error_resets: usize,
    /// While streams are open, the peer is asked for a sign of life when nothing arrived for this long.
    pub keepalive: Duration,
    /// How long it may take to answer.
    pub keepalive_timeout: Duration,
    /// A connection that has had no streams for so long is used no more; None where its owner ends it, as a
    /// [pool](crate::pool) does.
    pub idle: Option<Duration>,
    /// How long the peer may take for its part of the handshake.
    pub handshake_timeout: Duration,
}

impl Http2 {
    /// The connection's window is a signed 31-bit number (RFC 9113 section 6.9.1) that covers all streams.
    pub const MAX_STREAM_WINDOW: u32 = 16 * MIB;

    /// For connections that we dial.
    #[must_use]
    pub fn client() -> Self {
        Self {
            streams: 100,
            stream_window: 256 * KIB,
            stream_window_limit: 4 * MIB,
            frame: 256 * KIB,
            header_list: 16 * KIB,
            send_buffer: 256 * KIB as usize,
            known_resets: 1_000,
            unseen_resets: 20,
            error_resets: 64,
            keepalive: Duration::from_secs(10),
            keepalive_timeout: Duration::from_secs(20),
            idle: None,
            handshake_timeout: Duration::from_secs(10),
        }
    }

    /// For connections that we accept. Those who dial should end idle ones long before we do.
    #[must_use]
    pub fn server() -> Self {
        let idle = Some(Duration::from_mins(10));
        Self { streams: 200, header_list: 64 * KIB, idle, ..Self::client() }
    }

    /// The stream window that is really asked for when `wanted` is: the connection's must still cover all streams.
    #[must_use]
    pub fn clamp_stream_window(&self, wanted: u32) -> u32 {
        let covered = MAX_WINDOW / self.streams.saturating_add(1);
        wanted.min(self.stream_window_limit).min(Self::MAX_STREAM_WINDOW).min(covered)
    }

    /// The connection window that keeps stalled streams from slowing another: all streams', as large as theirs may grow, and
    /// one more, because the peer hears of freed bytes only when they make a third of what it may send (h2 sends
    /// WINDOW_UPDATE late). It bounds nothing: the streams' windows do, and those of now may be much smaller.
    #[must_use]
    pub fn connection_window(&self) -> u32 {
        let stream_window = self.clamp_stream_window(self.stream_window_limit);
        self.streams.saturating_add(1).saturating_mul(stream_window).clamp(DEFAULT_WINDOW, MAX_WINDOW)
    }
}

/// RFC 9113 section 6.9.2.
const DEFAULT_WINDOW: u32 = 65_535;
/// RFC 9113 section 6.9.1.
const MAX_WINDOW: u32 = (1 << 31) - 1;

#[cfg(test)]
mod tests;
