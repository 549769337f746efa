use super::{Results, bar, median, picture, table};
use crate::bench::case::{Case, Load, Route, Sample};

fn results() -> Results {
    let case = Case { route: Route::Cross, load: Load::Churn(8) };
    let mut results = Results::default();
    for (peer, values) in [("direct", [100.0, 300.0, 200.0]), ("karez", [50.0, 60.0, 40.0])] {
        for value in values {
            let per_cpu_s = (peer == "karez").then_some(value * 2.0);
            results.add(case, peer, vec![Sample { metric: "per_s", value, per_cpu_s }]);
        }
    }
    results
}

#[test]
fn rows_hold_medians_and_the_spread() {
    let rows = results().rows();
    let found: Vec<_> =
        rows.iter().map(|row| (row.peer.as_str(), row.value, row.per_proxy_cpu_s, row.spread)).collect();
    assert_eq!(found, [("direct", 200.0, None, (100.0, 300.0)), ("karez", 50.0, Some(100.0), (40.0, 60.0))]);
    assert_eq!(
        serde_json::to_string(&rows[0]).unwrap(),
        r#"{"case":"cross/churn-8","peer":"direct","metric":"per_s","value":200.0,"per_proxy_cpu_s":null}"#
    );
}

#[test]
fn what_gave_no_figure_is_named_with_its_peer() {
    let mut results = results();
    assert!(results.failures().is_empty());
    let case = Case { route: Route::Cross, load: Load::Churn(8) };
    results.add_failed(case, "karez", "3 of 90 connections failed".to_owned());
    results.add_failed(case, "other", "it is gone".to_owned());
    results.add_failed(case, "other", "it is still gone\nand left a trace".to_owned());
    assert_eq!(
        results.failures(),
        [
            "cross/churn-8 with karez has no figure of 1 of its runs: 3 of 90 connections failed",
            "cross/churn-8 with other has no figure: it is still gone",
        ]
    );
    assert!(results.rows().iter().all(|row| row.peer != "other"));
}

#[test]
fn the_median_of_an_even_number_is_between() {
    assert_eq!(median(&[4.0, 1.0]), Some(2.5));
    assert_eq!(median(&[]), None);
}

#[test]
fn table_and_picture_name_every_peer_once_a_case() {
    let rows = results().rows();
    for text in [table(&rows), picture(&rows)] {
        assert_eq!(text.matches("cross/churn-8").count(), 1, "{text}");
        assert_eq!(text.matches("karez").count(), 1, "{text}");
    }
}

#[test]
fn bars_are_in_eighths() {
    assert_eq!(bar(0.5), "█".repeat(25));
    assert_eq!(bar(0.0), "");
    assert_eq!(bar(1.0 / 400.0), "▏");
    assert_eq!(bar(9.0).chars().count(), 50);
}
