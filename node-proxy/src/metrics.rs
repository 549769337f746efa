//! Metrics of the process itself, besides those of its connections.

use std::sync::Arc;

use http::HeaderValue;
use http::StatusCode;
use karez_flow::Metrics;
use karez_link::discovery::DiscoveryView;
use karez_process::handshakes::HandshakeLimiter;
use karez_process::http::{Answer, answer as http_answer};
use karez_tunnel::window::Budget;

use crate::worker::Load;

/// Registers values that are read at each scrape.
pub(crate) fn register(
    metrics: &mut Metrics,
    loads: &[Arc<Load>],
    dns: &Arc<karez_dns::Counters>,
    budget: &Arc<Budget>,
    handshakes: &Arc<HandshakeLimiter>,
    view: &DiscoveryView,
) {
    let sum = |value: fn(&Load) -> usize| {
        let loads = loads.to_vec();
        move || loads.iter().map(|load| value(load) as u64).sum()
    };
    metrics.gauge("tcp_connections_open", "Connections that are open", sum(Load::connections));
    metrics.gauge("tunnels_open", "Tunnels that this node has dialled", sum(Load::tunnels));
    let held = Arc::clone(budget);
    metrics.gauge("unread_bytes", "Bytes that applications have not read yet", move || held.held() as u64);
    let unproven = Arc::clone(handshakes);
    let help = "Clients that have not proven their identity yet";
    metrics.gauge("unproven_clients", help, move || unproven.unproven() as u64);
    let mesh = view.mesh.clone();
    metrics
        .gauge("workloads", "Workloads in the configuration", move || mesh.borrow().workloads().len() as u64);
    let status = view.status.clone();
    metrics.gauge("xds_connected", "Whether the controller is connected", move || {
        u64::from(status.borrow().connected)
    });
    count_dns(metrics, dns);
}

fn count_dns(metrics: &mut Metrics, dns: &Arc<karez_dns::Counters>) {
    let mut counter = |name, help, value: fn(&karez_dns::Counters) -> u64| {
        let dns = Arc::clone(dns);
        metrics.counter(name, help, move || value(&dns));
    };
    counter("dns_requests", "DNS queries received", karez_dns::Counters::requests);
    counter("dns_answered", "DNS queries answered from the mesh", karez_dns::Counters::answered);
    counter("dns_malformed", "DNS messages that were malformed", karez_dns::Counters::malformed);
    counter("dns_upstream_requests", "DNS queries forwarded", karez_dns::Counters::forwarded);
    counter("dns_upstream_failures", "DNS queries forwarded without an answer", karez_dns::Counters::failed);
    counter("dns_dropped", "DNS queries dropped because too many were open", karez_dns::Counters::dropped);
}

/// The scrape.
pub(crate) fn answer(metrics: &Metrics) -> Answer {
    http_answer(StatusCode::OK, HeaderValue::from_static(Metrics::MEDIA_TYPE), metrics.render())
}
