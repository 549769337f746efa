use super::table;
use crate::bench::scale::case::row;

#[test]
fn cases_with_the_same_figures_share_a_header() {
    let rows = [
        row("1-pods/start", "cpu_s", 1.0),
        row("1-pods/1-proxies", "cpu_ms", 2.0),
        row("1-pods/2-proxies", "cpu_ms", 1234.5),
    ];
    let printed = table(&rows);
    let lines: Vec<Vec<&str>> = printed.lines().map(|line| line.split_whitespace().collect()).collect();
    let expected: [&[&str]; 7] = [
        &[],
        &["case", "cpu_s"],
        &["1-pods/start", "1.00"],
        &[],
        &["case", "cpu_ms"],
        &["1-pods/1-proxies", "2.00"],
        &["1-pods/2-proxies", "1234"],
    ];
    assert_eq!(lines, expected);
}
