//! Settings of an HTTP/2 connection.

use std::time::Duration;

const KIB: u32 = 1024;
const MIB: u32 = 1024 * KIB;

/// Settings of one end of a connection. [`Http2::client`] and [`Http2::server`] interoperate with Istio's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http2 {
    /// Streams at a time. Client: streams to open on one connection. Server: streams that the peer may open.
    pub streams: u32,
    /// Bytes that a stream may have in flight towards us at first.
    pub stream_window: u32,
    /// How far [`Self::stream_window`] may grow, up to [`Self::MAX_STREAM_WINDOW`].
    pub stream_window_limit: u32,
    /// Longest DATA frame that we accept: 16 KiB to 16 MiB (RFC 9113 section 6.5.2).
    pub frame: u32,
    /// Longest header list that we accept, counted as in RFC 9113 section 6.5.2.
    pub header_list: u32,
    /// Bytes of one stream that may wait here to be sent.
    pub send_buffer: usize,
    /// Streams that we reset and remember for a second. Later frames on them are dropped; on unknown ones they count as
    /// [`Self::error_resets`].
    pub known_resets: usize,
    /// Streams that the peer opened and reset before we saw them (CVE-2023-44487). More of them end the connection.
    pub unseen_resets: usize,
    /// Streams that we reset because the peer broke the protocol. More of them end the connection.
    pub error_resets: usize,
    /// Silence after which a peer with open streams is sent a PING.
    pub keepalive: Duration,
    /// How long the peer may take to answer.
    pub keepalive_timeout: Duration,
    /// A connection without streams for this long takes no more. None where its owner ends it, as a [pool](crate::pool)
    /// does.
    pub idle: Option<Duration>,
    /// How long the peer may take for its handshake.
    pub handshake_timeout: Duration,
}

impl Http2 {
    /// The connection window covers all streams, and is a signed 31-bit number (RFC 9113 section 6.9.1).
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

    /// For connections that we accept. Dialling peers should end idle ones long before we do.
    #[must_use]
    pub fn server() -> Self {
        let idle = Some(Duration::from_mins(10));
        Self { streams: 200, header_list: 64 * KIB, idle, ..Self::client() }
    }

    /// The stream window in effect when `wanted` is asked for: the connection window must still cover all streams.
    #[must_use]
    pub fn clamp_stream_window(&self, wanted: u32) -> u32 {
        let covered = MAX_WINDOW / self.streams.saturating_add(1);
        wanted.min(self.stream_window_limit).min(Self::MAX_STREAM_WINDOW).min(covered)
    }

    /// The connection window that keeps stalled streams from slowing others. It covers all streams at their largest
    /// windows, and one more, because h2 sends WINDOW_UPDATE only for a third of the window. It bounds nothing: the
    /// streams' present windows do, and may be much smaller.
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
