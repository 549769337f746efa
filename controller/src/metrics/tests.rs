use super::*;

#[test]
fn everything_that_is_counted_is_rendered() {
    let metrics = Metrics::new();
    metrics.pushed(ResourceType::Address, 3, 1);
    metrics.published(&Snapshot::default());
    metrics.problems(2);
    metrics.call_unauthenticated();
    metrics.certificate_signed();
    metrics.certificate_refused(CertificateRefusal::Identity);
    let text = metrics.render(4, 1_800_000_000);
    for line in [
        "karez_controller_connected_nodes 4",
        "karez_controller_pushes_total{type=\"Address\"} 1",
        "karez_controller_resources_sent_total{type=\"Address\"} 3",
        "karez_controller_resources_removed_total{type=\"Address\"} 1",
        "karez_controller_resources{type=\"TrustBundle\"} 0",
        "karez_controller_problems 2",
        "karez_controller_calls_unauthenticated_total 1",
        "karez_controller_certificates_signed_total 1",
        "karez_controller_certificates_refused_total{reason=\"identity\"} 1",
        "karez_controller_root_not_after_seconds 1800000000",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing:\n{text}");
    }
}
