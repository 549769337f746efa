//! The program's own log: one event a line on stderr, as text or JSON.

use std::str::FromStr;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::lines::{self, Flush};

/// Flags about the log: `#[command(flatten)]` them.
#[derive(Debug, Clone, Args)]
pub struct LogSettings {
    /// Form of the log on stderr.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// What is logged: error, warn, info, debug or trace, also per module, as in info,karez_link=debug.
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

/// A filter that tracing understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLevel(String);

/// Why a text is no filter.
#[derive(Debug, thiserror::Error)]
#[error("{0}; expected a level (error, warn, info, debug, trace) or MODULE=LEVEL, separated by commas")]
pub struct InvalidLogLevel(#[from] tracing_subscriber::filter::ParseError);

impl FromStr for LogLevel {
    type Err = InvalidLogLevel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        EnvFilter::builder().parse(text)?;
        Ok(Self(text.to_owned()))
    }
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// No thread for the writer.
    #[error("no thread for the log: {0}")]
    Thread(#[from] std::io::Error),
    /// The process has a log already.
    #[error("the log was set up before: {0}")]
    Again(Box<dyn std::error::Error + Send + Sync>),
}

/// Bytes of log lines that may wait for a slow reader of stderr; what goes beyond is dropped.
const QUEUE: usize = 1 << 20;

/// Sends this process' tracing events to stderr, through a thread of its own so that a slow reader stops no worker.
///
/// Keep the answer until the end of `main`: dropping it waits for the last lines.
///
/// # Errors
/// When there is no thread to be had, or the process has a log already.
pub fn start(settings: &LogSettings) -> Result<Flush, LogError> {
    let (writer, flush) = lines::start("log", std::io::stderr(), QUEUE)?;
    let filter = EnvFilter::new(&settings.log_level.0);
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match settings.log_format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    }
    .map_err(LogError::Again)?;
    Ok(flush)
}

#[cfg(test)]
mod tests;
