//! The program's log: one event a line on stderr, as text or JSON.

use std::io::{self, Write};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use karez_api::printable::one_line;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::lines::{self, Flush, Lines};

/// Flags of the log: `#[command(flatten)]` them.
#[derive(Debug, Clone, Args)]
pub struct LogSettings {
    /// Form of the log on stderr.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// What is logged: error, warn, info or debug, also per module, as in info,karez_link=debug. (Builds without --release have trace
    /// too.)
    #[arg(long, default_value = "info")]
    pub log_level: LogLevel,
}

/// Form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged, by module.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLevel(Targets);

/// Why a text is no filter.
#[derive(Debug, thiserror::Error)]
#[error("{0}; expected a level (error, warn, info, debug, trace) or MODULE=LEVEL, separated by commas")]
pub struct InvalidLogLevel(#[from] tracing_subscriber::filter::ParseError);

impl FromStr for LogLevel {
    type Err = InvalidLogLevel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.parse()?))
    }
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The writer's thread cannot start.
    #[error("no thread for the log: {0}")]
    Thread(#[from] io::Error),
    /// The process already has a log.
    #[error("the log was set up before: {0}")]
    Again(Box<dyn std::error::Error + Send + Sync>),
}

/// Bytes of log lines that may wait for a slow reader of stderr. Further lines are dropped.
const QUEUE: usize = 1 << 20;

/// Writes the process's tracing events to stderr. A separate thread does so, and a slow reader stops no worker.
///
/// Keep the [`Flush`] until the end of `main`: dropping it waits for the last lines.
///
/// # Errors
/// When no thread can start, or the process already has a log.
pub fn start(settings: &LogSettings) -> Result<Flush, LogError> {
    let (lines, flush) = lines::start("log", io::stderr(), QUEUE)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(EventWriter { lines });
    let filter = tracing_subscriber::registry().with(settings.log_level.0.clone());
    match settings.log_format {
        LogFormat::Text => filter.with(lines).try_init(),
        LogFormat::Json => filter.with(lines.json().flatten_event(true)).try_init(),
    }
    .map_err(|error| LogError::Again(error.into()))?;
    Ok(flush)
}

/// Writes each event as one line, even if it contains text of users or peers.
#[derive(Debug, Clone)]
struct EventWriter {
    lines: Lines,
}

/// tracing's formatter writes each event in one call.
impl Write for EventWriter {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let mut line = one_line(text.strip_suffix('\n').unwrap_or(&text)).into_owned();
        line.push('\n');
        self.lines.push(line.into_bytes());
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for EventWriter {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests;
