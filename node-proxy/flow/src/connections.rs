//! Istio's connection metrics, with the label set of `labels`.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;

use crate::endpoint::Direction;
use crate::family::Kind;
use crate::labels::Labels;
use crate::series::{Register, Totals};

/// Istio's connection metrics.
#[derive(Debug)]
pub(crate) struct Connections {
    register: Arc<Register>,
}

/// `response_flags` of counters that cover all outcomes.
const NO_FLAGS: &str = "-";

impl Connections {
    pub(crate) fn new(register: Arc<Register>) -> Self {
        Self { register }
    }
}

impl Collector for Connections {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let series = self.register.totals();
        let mut counter = |name, help, value: fn(&Labels, &Totals) -> u64| {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (labels, totals) in &series {
                encode(&mut metric, labels, NO_FLAGS, value(labels, totals))?;
            }
            Ok(())
        };
        counter("tcp_connections_opened", "TCP connections opened", |_, totals| totals.opened)?;
        counter("tcp_connections_closed", "TCP connections closed", |_, totals| totals.closed)?;
        counter("tcp_received_bytes", "Bytes that clients sent over TCP", from_clients)?;
        counter("tcp_sent_bytes", "Bytes that servers sent over TCP", from_servers)?;
        let help = "TCP connections that were refused, failed or were cut off";
        let mut metric =
            encoder.encode_descriptor("tcp_connections_failed", help, None, MetricType::Counter)?;
        for (labels, totals) in &series {
            for (flags, count) in &totals.failed {
                encode(&mut metric, labels, flags, *count)?;
            }
        }
        Ok(())
    }
}

/// Istio's "received" on both sides: the request.
fn from_clients(labels: &Labels, totals: &Totals) -> u64 {
    match labels.direction() {
        Direction::Outbound => totals.moved.sent,
        Direction::Inbound => totals.moved.received,
    }
}

/// Istio's "sent" on both sides: the response.
fn from_servers(labels: &Labels, totals: &Totals) -> u64 {
    match labels.direction() {
        Direction::Outbound => totals.moved.received,
        Direction::Inbound => totals.moved.sent,
    }
}

fn encode(metric: &mut MetricEncoder<'_>, labels: &Labels, flags: &str, value: u64) -> fmt::Result {
    labels.with_pairs(flags, |pairs| Kind::Counter.encode(value, &mut metric.encode_family(&pairs)?))
}
