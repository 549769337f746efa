//! Reads the tokens file, and reads it again when it has changed.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{info, warn};

use super::{BadLine, Tokens};
use crate::file_stamp::FileStamp;

/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_millis(500);
/// Bytes of the file that are read.
const MAX_SIZE: u64 = 1 << 20;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// It cannot be read.
    #[error("the tokens file {}: {error}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is bigger than any tokens file should be.
    #[error("the tokens file {} is bigger than {MAX_SIZE} bytes", .path.display())]
    TooBig {
        /// The file.
        path: PathBuf,
    },
    /// One of its lines is wrong.
    #[error("the tokens file {}, {error}", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, and what is wrong with it.
        error: BadLine,
    },
}

/// Keeps the tokens as the file has them.
#[derive(Debug)]
pub struct TokensWatch {
    path: PathBuf,
    stamp: Option<FileStamp>,
    current: watch::Sender<Arc<Tokens>>,
}

impl TokensWatch {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(path: PathBuf) -> Result<(Self, watch::Receiver<Arc<Tokens>>), TokensError> {
        let stamp = FileStamp::of(&path).ok();
        let (current, reader) = watch::channel(Arc::new(read(&path)?));
        Ok((Self { path, stamp, current }, reader))
    }

    /// Reads it again whenever it has changed; a file that cannot be used changes nothing. Never returns.
    pub async fn run(mut self) {
        let mut ticks = tokio::time::interval(INTERVAL);
        loop {
            ticks.tick().await;
            // It fails only when the blocking pool is shutting down, and so is this task then.
            let Ok(watch) = tokio::task::spawn_blocking(move || self.look()).await else { return };
            self = watch;
        }
    }

    fn look(mut self) -> Self {
        let stamp = FileStamp::of(&self.path).ok();
        if stamp == self.stamp {
            return self;
        }
        self.stamp = stamp;
        match read(&self.path) {
            Ok(tokens) => {
                info!(file = %self.path.display(), callers = tokens.callers().count(), "tokens read again");
                self.current.send_replace(Arc::new(tokens));
            }
            Err(error) => warn!(%error, "the tokens that were read before stay in force"),
        }
        self
    }
}

fn read(path: &Path) -> Result<Tokens, TokensError> {
    let failed = |error| TokensError::Read { path: path.to_owned(), error };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    let size = file.take(MAX_SIZE + 1).read_to_string(&mut text).map_err(failed)?;
    if size as u64 > MAX_SIZE {
        return Err(TokensError::TooBig { path: path.to_owned() });
    }
    Tokens::parse(&text).map_err(|error| TokensError::Line { path: path.to_owned(), error })
}

#[cfg(test)]
mod tests;
