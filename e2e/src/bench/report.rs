//! Table, picture and JSON of what was measured.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::bench::case::{Case, Sample};

/// One line of the JSON: the median of a case's runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Such as `cross/pingpong-16`.
    pub case: String,
    /// `direct`, `haproxy`, `karez` or the name given to another.
    pub peer: String,
    /// Name and unit in one: `gbit_s`, `per_s`, `p50_us`, ...
    pub metric: &'static str,
    /// Median over the runs.
    pub value: f64,
    /// Work per CPU-second of every process on the path, median over the runs.
    pub per_proxy_cpu_s: Option<f64>,
    /// Least and greatest value of the runs: shown in the table, not in the JSON.
    #[serde(skip)]
    pub spread: (f64, f64),
}

/// All runs of all cases.
#[derive(Debug, Default)]
pub struct Results {
    runs: BTreeMap<(Case, &'static str, String), Vec<Sample>>,
    failed: BTreeMap<(Case, String), Vec<String>>,
    order: Vec<String>,
}

impl Results {
    /// Adds one run.
    pub fn add(&mut self, case: Case, peer: &str, samples: Vec<Sample>) {
        if !self.order.iter().any(|known| known == peer) {
            self.order.push(peer.to_owned());
        }
        for sample in samples {
            self.runs.entry((case, sample.metric, peer.to_owned())).or_default().push(sample);
        }
    }

    /// Adds one run that gave no figure, and why.
    pub fn add_failed(&mut self, case: Case, peer: &str, reason: String) {
        self.failed.entry((case, peer.to_owned())).or_default().push(reason);
    }

    /// A line for each case and peer with runs that gave no figure.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        self.failed.iter().map(|((case, peer), reasons)| self.failure(*case, peer, reasons)).collect()
    }

    fn failure(&self, case: Case, peer: &str, reasons: &[String]) -> String {
        let last = reasons.last().and_then(|reason| reason.lines().next()).unwrap_or_default();
        if self.runs.keys().any(|(known, _, name)| (*known, name.as_str()) == (case, peer)) {
            format!("{case} with {peer} has no figure of {} of its runs: {last}", reasons.len())
        } else {
            format!("{case} with {peer} has no figure: {last}")
        }
    }

    /// The medians, in the order of the cases.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let rank = |peer: &str| self.order.iter().position(|known| known == peer);
        let mut rows: Vec<_> = self
            .runs
            .iter()
            .map(|((case, metric, peer), samples)| (*case, row(*case, metric, peer, samples)))
            .collect();
        rows.sort_by(|(a, x), (b, y)| (a, x.metric, rank(&x.peer)).cmp(&(b, y.metric, rank(&y.peer))));
        rows.into_iter().map(|(_, row)| row).collect()
    }
}

fn row(case: Case, metric: &'static str, peer: &str, samples: &[Sample]) -> Row {
    let values: Vec<_> = samples.iter().map(|sample| sample.value).collect();
    let efficiency: Vec<_> = samples.iter().filter_map(|sample| sample.per_cpu_s).collect();
    Row {
        case: case.to_string(),
        peer: peer.to_owned(),
        metric,
        value: median(&values).unwrap_or(0.0),
        per_proxy_cpu_s: median(&efficiency),
        spread: (
            values.iter().copied().fold(f64::INFINITY, f64::min),
            values.iter().copied().fold(0.0, f64::max),
        ),
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get((sorted.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// The table: one line a case, metric and peer.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<22} {:<8} {:<10} {:>12} {:>23} {:>14}\n",
        "case", "metric", "peer", "median", "least..greatest", "per CPU-s"
    );
    let mut previous = None;
    for row in rows {
        let head = (row.case.as_str(), row.metric);
        let (case, metric) = if previous == Some(head) { ("", "") } else { head };
        previous = Some(head);
        let spread = format!("{}..{}", figure(row.spread.0), figure(row.spread.1));
        let efficiency = row.per_proxy_cpu_s.map_or_else(|| "-".to_owned(), figure);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{case:<22} {metric:<8} {:<10} {:>12} {spread:>23} {efficiency:>14}",
            row.peer,
            figure(row.value)
        );
    }
    text
}

/// The picture: a bar for each peer, for the figures that people compare first.
#[must_use]
pub fn picture(rows: &[Row]) -> String {
    let mut text = String::new();
    let mut groups: Vec<Vec<&Row>> = Vec::new();
    for row in rows.iter().filter(|row| matches!(row.metric, "gbit_s" | "per_s" | "p50_us" | "rss_kib")) {
        match groups.last_mut() {
            Some(group) if group.iter().any(|first| first.case == row.case && first.metric == row.metric) => {
                group.push(row);
            }
            _ => groups.push(vec![row]),
        }
    }
    for group in groups {
        let greatest = group.iter().map(|row| row.value).fold(f64::MIN_POSITIVE, f64::max);
        if let Some(first) = group.first() {
            let _ = writeln!(text, "{} {}", first.case, first.metric);
        }
        for row in group {
            let _ =
                writeln!(text, "  {:<10} {:<50} {}", row.peer, bar(row.value / greatest), figure(row.value));
        }
    }
    text
}

/// A bar of up to 50 cells, in eighths of a cell.
fn bar(share: f64) -> String {
    let eighths = (share.clamp(0.0, 1.0) * 400.0).round() as u32;
    let mut bar: String = "█".repeat((eighths / 8) as usize);
    if !eighths.is_multiple_of(8) {
        bar.extend(char::from_u32(0x2590 - eighths % 8));
    }
    bar
}

/// A figure with three digits or all that stand before the point.
pub(super) fn figure(value: f64) -> String {
    match value {
        value if value >= 1000.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests;
