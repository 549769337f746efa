use super::*;
use crate::fixture::{bytes, ip, mesh, uid, workload};

/// A workload with these addresses.
fn with(name: &str, addresses: &[&str]) -> Arc<Workload> {
    let mut wire = workload(name, addresses[0]);
    wire.addresses = addresses.iter().map(|address| bytes(address)).collect();
    Arc::clone(mesh([wire.into()]).workload(&uid(name)).unwrap())
}

#[test]
fn an_address_of_each_family_the_dialled_one_first() {
    let dual = with("dual", &["10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"]);
    let single = with("single", &["10.0.0.1"]);
    let table: [(&Arc<Workload>, &str, &[&str]); 6] = [
        (&dual, "10.9.0.1", &["10.0.0.1", "fd00::1"]),
        (&dual, "fd00:9::1", &["fd00::1", "10.0.0.1"]),
        (&dual, "10.0.0.2", &["10.0.0.2", "fd00::1"]),
        (&dual, "fd00::2", &["fd00::2", "10.0.0.1"]),
        (&single, "10.9.0.1", &["10.0.0.1"]),
        (&single, "fd00:9::1", &["10.0.0.1"]),
    ];
    for (workload, wanted, expected) in table {
        let mut attempts = Attempts::NONE;
        let mut order = Vec::new();
        while let Some(address) = attempts.next_address(workload, ip(wanted)) {
            order.push(address);
            attempts.refused_at(&workload.uid, address);
        }
        assert_eq!(order, expected.iter().map(|text| ip(text)).collect::<Vec<_>>(), "for {wanted}");
    }
}

#[test]
fn a_workload_that_failed_has_no_other_address() {
    let dual = with("dual", &["10.0.0.1", "fd00::1"]);
    let mut attempts = Attempts::NONE;
    attempts.refused_at(&dual.uid, ip("10.0.0.1"));
    attempts.failed(&dual.uid);
    assert_eq!(attempts.next_address(&dual, ip("10.0.0.1")), None);
    attempts.refused_at(&dual.uid, ip("10.0.0.1"));
    assert_eq!(attempts.next_address(&dual, ip("10.0.0.1")), None);
}

#[test]
fn after_four_workloads_only_the_last_ones_other_address_is_left() {
    let mut attempts = Attempts::NONE;
    let workloads = ["a", "b", "c", "d", "e"].map(|name| with(name, &["10.0.0.1", "fd00::1"]));
    for workload in &workloads[..3] {
        attempts.failed(&workload.uid);
    }
    attempts.refused_at(&workloads[3].uid, ip("10.0.0.1"));
    let next = |workload| attempts.next_address(workload, ip("10.9.0.1"));
    assert_eq!(next(&workloads[3]), Some(ip("fd00::1")));
    assert_eq!(next(&workloads[4]), None);
}
