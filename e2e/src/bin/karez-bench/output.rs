//! What is printed, and what is written.

use std::path::Path;

use anyhow::{Context as _, Result};
use karez_e2e::bench::report::Row;

#[allow(clippy::print_stdout, reason = "its output is its result")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

#[allow(clippy::print_stderr, reason = "progress is for the person who waits")]
pub(crate) fn progress(text: &str) {
    eprintln!("bench: {text}");
}

/// Writes the figures as JSON, where a file is wanted.
pub(crate) fn write_json(file: Option<&Path>, rows: &[Row]) -> Result<()> {
    let Some(file) = file else { return Ok(()) };
    std::fs::write(file, serde_json::to_string_pretty(rows)?)
        .with_context(|| format!("writing {}", file.display()))
}
