//! Reads the tokens file, and reads it again when it has changed.
//!
//! A file that is being written looks like a good one that lost some lines, and every line that is lost cuts a node off. So a
//! change is believed when it was seen twice, and a file that does not end as a whole one does is not believed at all.

use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use karez_process::log_limit::LogLimiter;
use tokio::sync::watch;
use tracing::{info, warn};

use super::{BadLine, Tokens};
use crate::file_stamp::FileStamp;

/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_millis(500);
/// Between two lines in the log about a file that cannot be read.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);
/// Bits of the mode by which others than the owner may do something.
const OTHERS: u32 = 0o077;
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
    /// Others may read the tokens, and call with them.
    #[error("the tokens file {} holds secrets and others may read it: chmod 600 it, and replace the tokens if they may have", .path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
    },
    /// Nothing is in it.
    #[error("the tokens file {} is empty: if nobody is to call, leave a comment in it", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Its last line has no end.
    #[error(
        "the tokens file {} does not end with a newline, as if its end were missing: end its last line with one",
        .path.display()
    )]
    Unfinished {
        /// The file.
        path: PathBuf,
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

impl TokensError {
    /// Whether reading the same file again says the same again.
    fn is_of_content(&self) -> bool {
        match self {
            // Not UTF-8.
            Self::Read { error, .. } => error.kind() == ErrorKind::InvalidData,
            // Its content may be good.
            Self::TooOpen { .. } => false,
            Self::Empty { .. } | Self::Unfinished { .. } | Self::TooBig { .. } | Self::Line { .. } => true,
        }
    }
}

/// Keeps the tokens as the file has them.
#[derive(Debug)]
pub struct TokensWatch {
    path: PathBuf,
    /// As it was at the last look.
    seen: Option<FileStamp>,
    /// As it was when it was last read, or did not hold what it should.
    read: Option<FileStamp>,
    /// A file that cannot be read is tried again at every look, and each time says the same.
    complaints: LogLimiter,
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
        let complaints = LogLimiter::one_each(COMPLAIN_EVERY);
        Ok((Self { path, seen: stamp, read: stamp, complaints, current }, reader))
    }

    /// Reads it again once a change of it has settled; a file that cannot be used changes nothing. Never returns.
    pub async fn run(mut self) {
        let mut ticks = tokio::time::interval(INTERVAL);
        loop {
            ticks.tick().await;
            // It fails only when the blocking pool is shutting down, and so is this task then.
            let Ok(watch) = tokio::task::spawn_blocking(move || self.look()).await else { return };
            self = watch;
        }
    }

    fn look(self) -> Self {
        self.look_by(read)
    }

    fn look_by(mut self, read: impl FnOnce(&Path) -> Result<Tokens, TokensError>) -> Self {
        let stamp = FileStamp::of(&self.path).ok();
        let settled = std::mem::replace(&mut self.seen, stamp) == stamp;
        if stamp == self.read || !settled {
            return self;
        }
        let read = read(&self.path);
        if FileStamp::of(&self.path).ok() != stamp {
            // It changed while it was read: a later look reads it.
            return self;
        }
        match read {
            // What is there may be good, and may take a token away. (What is not there looks otherwise once it is.)
            Err(error) if !error.is_of_content() && stamp.is_some() => {
                if self.complaints.allow().is_some() {
                    warn!(%error, "the tokens that were read before stay in force until it can be read");
                }
                return self;
            }
            Err(error) => warn!(%error, "the tokens that were read before stay in force"),
            Ok(tokens) => {
                info!(file = %self.path.display(), callers = tokens.callers().count(), "tokens read again");
                self.current.send_replace(Arc::new(tokens));
            }
        }
        self.read = stamp;
        self
    }
}

fn read(path: &Path) -> Result<Tokens, TokensError> {
    let failed = |error| TokensError::Read { path: path.to_owned(), error };
    let file = std::fs::File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.permissions().mode() & OTHERS != 0 {
        return Err(TokensError::TooOpen { path: path.to_owned() });
    }
    let mut text = String::new();
    let size = file.take(MAX_SIZE + 1).read_to_string(&mut text).map_err(failed)?;
    if size as u64 > MAX_SIZE {
        return Err(TokensError::TooBig { path: path.to_owned() });
    }
    if text.trim().is_empty() {
        return Err(TokensError::Empty { path: path.to_owned() });
    }
    if !text.ends_with('\n') {
        return Err(TokensError::Unfinished { path: path.to_owned() });
    }
    Tokens::parse(&text).map_err(|error| TokensError::Line { path: path.to_owned(), error })
}

#[cfg(test)]
mod tests;
