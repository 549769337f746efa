//! Writes one JSON line for each connection, through a bounded queue and its own thread.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use karez_api::identity::Identity;
use karez_api::outcome::Outcome;
use karez_process::lines::{self, Flush, Lines};
use karez_process::log_limit::LogLimiter;
use serde::Serialize;

use crate::endpoint::Flow;
use crate::series::Moved;
use crate::timestamp::rfc3339;

/// Bytes of lines that may wait for a slow reader. Further lines are dropped and counted.
const QUEUE: usize = 4 << 20;
/// Burst of lines about failures between unknown ends: anybody can cause them.
const ANONYMOUS_BURST: u32 = 50;
/// After the burst, one line each such period.
const ANONYMOUS_PERIOD: Duration = Duration::from_millis(200);

/// The sink of ended records. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AccessLog {
    lines: Option<Lines>,
    anonymous: Arc<LogLimiter>,
}

/// A connection that has ended.
#[derive(Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) flow: &'a Flow,
    pub(crate) moved: Moved,
    pub(crate) duration: Duration,
    pub(crate) outcome: &'a Outcome,
}

impl AccessLog {
    /// Writes nothing.
    #[must_use]
    pub fn off() -> Self {
        Self::new(None)
    }

    /// Writes to `sink`, usually stdout. Keep the [`Flush`] until the end: dropping it waits for the last lines.
    ///
    /// # Errors
    /// When the system cannot start a thread.
    pub fn start(sink: impl io::Write + Send + 'static) -> io::Result<(Self, Flush)> {
        let (lines, flush) = lines::start("access-log", sink, QUEUE)?;
        Ok((Self::new(Some(lines)), flush))
    }

    fn new(lines: Option<Lines>) -> Self {
        let anonymous = LogLimiter::new(ANONYMOUS_BURST, ANONYMOUS_PERIOD);
        Self { lines, anonymous: Arc::new(anonymous) }
    }

    /// Lines lost to a slow or gone reader.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lines.as_ref().map_or(0, Lines::dropped)
    }

    /// Failures left out, because neither end was known and too many came.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.anonymous.left_out()
    }

    pub(crate) fn write(&self, ended: &Ended<'_>) {
        let Some(lines) = &self.lines else { return };
        if ended.is_failed() && ended.is_anonymous() {
            match self.anonymous.allow() {
                None => return,
                Some(0) => {}
                Some(count) => lines.push(left_out_line(count, SystemTime::now())),
            }
        }
        lines.push(ended.line(SystemTime::now()));
    }
}

/// A line's fields, named and ordered as in Istio's node proxy. Unknown ones are left out.
#[derive(Serialize)]
struct Line<'a> {
    level: &'static str,
    time: String,
    scope: &'static str,
    message: &'static str,
    #[serde(rename = "src.addr")]
    source_address: SocketAddr,
    #[serde(rename = "src.workload", skip_serializing_if = "Option::is_none")]
    source_workload: Option<&'a str>,
    #[serde(rename = "src.namespace", skip_serializing_if = "Option::is_none")]
    source_namespace: Option<&'a str>,
    #[serde(rename = "src.identity", skip_serializing_if = "Option::is_none")]
    source_identity: Option<String>,
    #[serde(rename = "src.cluster", skip_serializing_if = "Option::is_none")]
    source_cluster: Option<&'a str>,
    #[serde(rename = "dst.addr")]
    destination_address: SocketAddr,
    #[serde(rename = "dst.hbone_addr", skip_serializing_if = "Option::is_none")]
    authority: Option<&'a str>,
    #[serde(rename = "dst.service", skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    #[serde(rename = "dst.workload", skip_serializing_if = "Option::is_none")]
    destination_workload: Option<&'a str>,
    #[serde(rename = "dst.namespace", skip_serializing_if = "Option::is_none")]
    destination_namespace: Option<&'a str>,
    #[serde(rename = "dst.identity", skip_serializing_if = "Option::is_none")]
    destination_identity: Option<String>,
    #[serde(rename = "dst.cluster", skip_serializing_if = "Option::is_none")]
    destination_cluster: Option<&'a str>,
    direction: &'static str,
    /// Bytes that the reporting side's workload sent.
    bytes_sent: u64,
    bytes_recv: u64,
    duration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_flags: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Replaces lines that were left out.
#[derive(Serialize)]
struct LeftOut {
    level: &'static str,
    time: String,
    scope: &'static str,
    message: &'static str,
    left_out: u64,
}

fn left_out_line(left_out: u64, now: SystemTime) -> Vec<u8> {
    let message = "connections failed before either end was known";
    json_line(&LeftOut { level: "warn", time: rfc3339(now), scope: "access", message, left_out })
}

fn json_line(fields: &impl Serialize) -> Vec<u8> {
    // No line has a map with odd keys or a failing part, so serialization cannot fail.
    let mut line = serde_json::to_vec(fields).unwrap_or_default();
    line.push(b'\n');
    line
}

impl Ended<'_> {
    /// The line as written at `now`, with its newline.
    fn line(&self, now: SystemTime) -> Vec<u8> {
        json_line(&self.fields(now))
    }

    fn fields(&self, now: SystemTime) -> Line<'_> {
        let flow = self.flow;
        let (source, destination) = (&flow.source.endpoint, &flow.destination.endpoint);
        let failed = self.is_failed();
        let (level, message) = match (failed, self.is_anonymous()) {
            (false, _) => ("info", "connection complete"),
            (true, false) => ("error", "connection complete"),
            (true, true) => ("warn", "connection failed"),
        };
        Line {
            level,
            time: rfc3339(now),
            scope: "access",
            message,
            source_address: flow.source.address,
            source_workload: flow.source.name.as_deref().or(source.workload.as_deref()),
            source_namespace: source.namespace.as_deref(),
            source_identity: source.principal.as_ref().map(Identity::to_string),
            source_cluster: source.cluster.as_deref(),
            destination_address: flow.destination.address,
            authority: flow.authority.as_deref(),
            service: flow.service.as_deref().map(|service| &*service.hostname),
            destination_workload: flow.destination.name.as_deref().or(destination.workload.as_deref()),
            destination_namespace: destination.namespace.as_deref(),
            destination_identity: destination.principal.as_ref().map(Identity::to_string),
            destination_cluster: destination.cluster.as_deref(),
            direction: flow.direction.as_str(),
            bytes_sent: self.moved.sent,
            bytes_recv: self.moved.received,
            duration: format!("{}ms", self.duration.as_millis()),
            response_flags: failed.then(|| self.outcome.flag()),
            error: failed.then(|| self.outcome.to_string()),
        }
    }

    fn is_failed(&self) -> bool {
        *self.outcome != Outcome::Done
    }

    /// Whether the connection ended before either side was known.
    fn is_anonymous(&self) -> bool {
        let peers = [&self.flow.source, &self.flow.destination];
        peers.iter().all(|peer| peer.name.is_none() && *peer.endpoint == Default::default())
    }
}

#[cfg(test)]
mod tests;
