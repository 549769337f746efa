use std::time::Duration;

use super::{Case, Cost};
use crate::bench::scale::changes::Pushes;

#[test]
fn what_it_costs_to_be_idle_is_not_a_changes_cost() {
    let cost = Cost {
        changes: 100,
        wall: Duration::from_secs(10),
        controller: Duration::from_millis(300),
        idle: Duration::from_millis(10),
        bench: Duration::from_millis(500),
        rss_before_kib: 1,
        rss_kib: 2,
    };
    let rows = cost.rows(Case { pods: 1000, proxies: 1 }, &Pushes::of(&[]));
    let value = |metric: &str| rows.iter().find(|row| row.metric == metric).unwrap().value;
    assert!((value("cpu_ms") - 2.0).abs() < 1e-9);
    assert!((value("bench_cpu_ms") - 5.0).abs() < 1e-9);
    assert!(rows.iter().all(|row| row.case == "1000-pods/1-proxies"));
}
