use std::sync::atomic::{AtomicU64, Ordering};

use karez_api::identity::Identity;
use karez_api::outcome::{Outcome, Refusal};

use super::*;
use crate::endpoint::{Direction, Endpoint, Flow, Locality, Security, Service};
use crate::series::Moved;

fn flow() -> Flow {
    let endpoint = |name: &str, revision: &str| {
        Arc::new(Endpoint {
            workload: Some(format!("{name}-{revision}").into()),
            namespace: Some("shop".into()),
            principal: Identity::new("cluster.local", "shop", name).ok(),
            canonical_service: Some(name.into()),
            canonical_revision: Some(revision.into()),
            app: Some(name.into()),
            version: Some(revision.into()),
            cluster: Some("Kubernetes".into()),
            locality: Locality { region: Some("eu".into()), zone: None },
        })
    };
    let mut flow =
        Flow::unknown(Direction::Outbound, "10.1.0.5:1".parse().unwrap(), "10.1.1.7:15008".parse().unwrap());
    flow.source.endpoint = endpoint("web", "v1");
    flow.destination.endpoint = endpoint("reviews", "v2");
    flow.security = Security::MutualTls;
    flow.service = Some(Arc::new(Service {
        hostname: "reviews.shop.svc.cluster.local".into(),
        name: "reviews".into(),
        namespace: "shop".into(),
    }));
    flow
}

/// The text without parts that differ between processes.
fn own(metrics: &Metrics) -> String {
    let text = metrics.render();
    let end = text.find("# HELP process_").unwrap();
    assert!(text.ends_with("# EOF\n"));
    text[..end].to_owned()
}

#[test]
fn the_whole_text() {
    let metrics = Metrics::new("istio", AccessLog::off());
    let (one, other) = (metrics.worker(), metrics.worker());
    for worker in [&one, &other] {
        let mut record = worker.open(flow());
        record.established(|| Moved { sent: 100, received: 5000 });
        record.finish(Outcome::Done);
    }
    one.open(flow()).finish(Refusal::NotAllowed { policies: Vec::new() });
    let labels = |flags| {
        [
            r#"{reporter="source",source_workload="web-v1",source_canonical_service="web","#,
            r#"source_canonical_revision="v1",source_workload_namespace="shop","#,
            r#"source_principal="spiffe://cluster.local/ns/shop/sa/web",source_app="web",source_version="v1","#,
            r#"source_cluster="Kubernetes",destination_service="reviews.shop.svc.cluster.local","#,
            r#"destination_service_namespace="shop",destination_service_name="reviews","#,
            r#"destination_workload="reviews-v2",destination_canonical_service="reviews","#,
            r#"destination_canonical_revision="v2",destination_workload_namespace="shop","#,
            r#"destination_principal="spiffe://cluster.local/ns/shop/sa/reviews",destination_app="reviews","#,
            r#"destination_version="v2",destination_cluster="Kubernetes",request_protocol="tcp","#,
            &format!(r#"response_flags="{flags}",connection_security_policy="mutual_tls","#),
            r#"source_region="eu",source_zone="unknown",destination_region="eu",destination_zone="unknown"}"#,
        ]
        .concat()
    };
    let expected = format!(
        r#"# HELP istio_build Version and commit of the build.
# TYPE istio_build info
istio_build_info{{version="{version}",commit="{commit}"}} 1
# HELP istio_tcp_connections_opened TCP connections opened
# TYPE istio_tcp_connections_opened counter
istio_tcp_connections_opened_total{none} 3
# HELP istio_tcp_connections_closed TCP connections closed
# TYPE istio_tcp_connections_closed counter
istio_tcp_connections_closed_total{none} 3
# HELP istio_tcp_received_bytes Bytes that clients sent over TCP
# TYPE istio_tcp_received_bytes counter
istio_tcp_received_bytes_total{none} 200
# HELP istio_tcp_sent_bytes Bytes that servers sent over TCP
# TYPE istio_tcp_sent_bytes counter
istio_tcp_sent_bytes_total{none} 10000
# HELP istio_tcp_connections_failed TCP connections that were refused, failed or were cut off
# TYPE istio_tcp_connections_failed counter
istio_tcp_connections_failed_total{denied} 1
# HELP istio_access_log_dropped Lines of the access log that were lost
# TYPE istio_access_log_dropped counter
istio_access_log_dropped_total 0
# HELP istio_access_log_left_out Failures of unknown clients that the access log left out
# TYPE istio_access_log_left_out counter
istio_access_log_left_out_total 0
"#,
        version = build::VERSION,
        commit = build::COMMIT,
        none = labels("-"),
        denied = labels("DENY"),
    );
    assert_eq!(own(&metrics), expected);
}

#[test]
fn received_and_sent_mean_the_same_on_both_sides() {
    let metrics = Metrics::new("karez", AccessLog::off());
    let worker = metrics.worker();
    let inbound = Flow { direction: Direction::Inbound, ..flow() };
    worker.open(inbound).established(|| Moved { sent: 5000, received: 100 });
    let text = own(&metrics);
    for (name, value) in [("karez_tcp_received_bytes_total", " 100"), ("karez_tcp_sent_bytes_total", " 5000")]
    {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line.ends_with(value), "{line}");
    }
}

#[test]
fn what_others_count_is_read_at_the_scrape() {
    let mut metrics = Metrics::new("karez", AccessLog::off());
    let queries = Arc::new(AtomicU64::new(0));
    let read = Arc::clone(&queries);
    metrics.counter("dns_requests", "DNS queries", move || read.load(Ordering::Relaxed));
    metrics.gauges("pods", "Pods by state", || {
        vec![Sample { labels: vec![("state", "odd \"one\"\n".to_owned())], value: 3 }]
    });
    queries.store(7, Ordering::Relaxed);
    let text = own(&metrics);
    assert!(text.contains("# TYPE karez_dns_requests counter\nkarez_dns_requests_total 7\n"), "{text}");
    let pods = "# TYPE karez_pods gauge\nkarez_pods{state=\"odd \\\"one\\\"\\n\"} 3\n";
    assert!(text.contains(pods), "{text}");
}

#[test]
fn the_process_is_told_of_under_the_usual_names() {
    let text = Metrics::new("karez", AccessLog::off()).render();
    for name in ["process_resident_memory_bytes ", "process_cpu_seconds_total ", "process_open_fds "] {
        let value = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        assert!(value.parse::<f64>().unwrap() >= 0.0, "{name}{value}");
    }
}
