//! What is printed: a line for each case, under the names of its figures.

use std::fmt::Write as _;

use crate::bench::report::{Row, figure};

/// The table. A case whose figures differ from those above it begins a new one.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    let mut header: Vec<&str> = Vec::new();
    for case in rows.chunk_by(|one, next| one.case == next.case) {
        let metrics: Vec<&str> = case.iter().map(|row| row.metric).collect();
        if header != metrics {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "\n{:<26}{}", "case", columns(metrics.iter().map(ToString::to_string)));
            header = metrics;
        }
        let name = case.first().map_or("", |row| row.case.as_str());
        let _ = writeln!(text, "{name:<26}{}", columns(case.iter().map(|row| figure(row.value))));
    }
    text
}

fn columns(texts: impl Iterator<Item = String>) -> String {
    texts.map(|text| format!(" {text:>14}")).collect()
}

#[cfg(test)]
mod tests;
