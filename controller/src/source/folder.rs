//! Manifests in a folder, read again whenever they change.
//!
//! The files `*.yaml`, `*.yml` and `*.json` of the folder itself count; names that begin with a dot do not (editors write
//! such files, and mounted ConfigMaps hold their data behind them). Symbolic links are followed, so that a swapped link is a
//! changed file.
//!
//! * [`settling`] – pure: which files are to be read now, and which are gone
//! * [`listing`] – what the folder holds
//! * [`files`] – pure: which objects they hold, and which of several files' counts
//! * [`good_copies`] – the last good version of each file, for the next start
//!
//! What must hold: nothing that happens to a file opens what it had closed. A file that cannot be read keeps what it had, one with
//! an error in it keeps its whole last good version, and a file that is still being written is left alone. A file with nothing in it is
//! what a program leaves that has not written yet, or could not: it says nothing of what was in it. Who means that there is
//! nothing removes the file, or leaves a comment in it. A folder with no file in it is likewise what is left where nothing is mounted.

mod files;
mod good_copies;
mod listing;
mod settling;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use karez_resources::Problem;
use karez_resources::manifest::{self, LARGEST_FILE};
use karez_translate::{Effect, Report};
use tracing::{info, warn};

use super::{Batch, Sender};
use crate::file_stamp::FileStamp;
use files::Files;
use good_copies::GoodCopies;
use listing::{Listed, Listing};
use settling::Settling;

/// How often the folder is looked at.
const INTERVAL: Duration = Duration::from_millis(250);
const BLANK: &str =
    "the file is empty: what it held stays; remove the file, or leave a comment in it, if that is to go";
const RESTLESS: &str =
    "the file changes all the time, so it is not read: it has to stay the same for half a second";

/// Why no manifests can be read from a path.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Not there, or not to be read by this process.
    #[error("--manifests {path:?}: {source}")]
    Unreadable {
        /// As it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file.
    #[error("--manifests {path:?} is not a folder: name the folder that the manifests are in")]
    NotAFolder {
        /// As it was given.
        path: PathBuf,
    },
}

/// Whether manifests can be read from `folder`: asked at the start, because later a folder that is away comes back.
///
/// # Errors
/// When they cannot.
pub fn check(folder: &Path) -> Result<(), FolderError> {
    let path = || folder.to_owned();
    match std::fs::metadata(folder) {
        Ok(metadata) if !metadata.is_dir() => Err(FolderError::NotAFolder { path: path() }),
        Ok(_) => match std::fs::read_dir(folder) {
            Ok(_) => Ok(()),
            Err(source) => Err(FolderError::Unreadable { path: path(), source }),
        },
        Err(source) => Err(FolderError::Unreadable { path: path(), source }),
    }
}

/// The folder as a source of objects.
#[derive(Debug)]
pub struct FolderSource {
    folder: PathBuf,
    copies: GoodCopies,
    settling: Settling,
    files: Files,
    /// What is wrong with files that cannot be read, and with folders.
    unreadable: BTreeMap<String, String>,
    /// Everything has been read once.
    begun: bool,
    /// What the last batch said is wrong.
    told: Vec<Report>,
    batches: Sender,
}

impl FolderSource {
    /// For the manifests in `folder`; the last good version of each file is kept in `copies`, a folder of its own.
    #[must_use]
    pub fn new(folder: PathBuf, copies: PathBuf, batches: Sender) -> Self {
        let copies = GoodCopies::new(copies);
        Self {
            folder,
            settling: Settling::knowing(copies.names()),
            copies,
            files: Files::default(),
            unreadable: BTreeMap::new(),
            begun: false,
            told: Vec::new(),
            batches,
        }
    }

    /// Reads the folder, and again whenever it changes, until nobody takes batches any more.
    pub async fn run(mut self) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // It fails only when the blocking pool is shutting down, and so is this task then.
            let looked = tokio::task::spawn_blocking(move || {
                let batch = self.look(SystemTime::now());
                (self, batch)
            });
            let Ok((source, batch)) = looked.await else { return };
            self = source;
            if let Some(batch) = batch
                && self.batches.send(batch).await.is_err()
            {
                return;
            }
        }
    }

    /// Reads what has changed and has settled since the last time; returns what is new.
    fn look(&mut self, now: SystemTime) -> Option<Batch> {
        let listing = Listing::of(&self.folder, self.settling.known());
        self.unreadable = listing.problems();
        self.copies.retry();
        for name in listing.unreadable() {
            self.recall(name);
        }
        let plan = self.settling.plan(listing, now);
        for name in &plan.gone {
            self.forget(name);
        }
        for (name, stamp) in &plan.read {
            self.load(name, *stamp);
        }
        for (name, stamp) in &plan.restless {
            self.settle_for(name, *stamp);
        }
        self.unreadable.extend(self.copies.problem());
        if !self.begun && self.settling.is_complete() {
            self.begin();
            return Some(self.batch());
        }
        let batch = self.batch();
        (!batch.deltas.is_empty() || batch.problems.is_some()).then_some(batch)
    }

    /// The first deltas that are sent are of all objects.
    fn begin(&mut self) {
        self.begun = true;
        if self.settling.known().is_empty() {
            let folder = self.folder.display();
            warn!(%folder, "the folder holds no manifest: the mesh is empty until it does");
        }
    }

    fn batch(&mut self) -> Batch {
        let deltas = if self.begun { self.files.take_deltas() } else { Vec::new() };
        let problems = self.problems();
        let is_new = problems != self.told;
        if is_new {
            self.told.clone_from(&problems);
        }
        Batch { deltas, problems: is_new.then_some(problems), complete: self.begun, ..Batch::default() }
    }

    fn forget(&mut self, name: &str) {
        info!(file = name, "manifest gone: its objects are removed");
        self.files.unload(name);
        self.copies.forget(name);
    }

    /// Reads one file, unless it is not to be read yet.
    fn load(&mut self, name: &str, stamp: FileStamp) {
        self.recall(name);
        match read(&self.folder.join(name), stamp) {
            Ok(Some(text)) => {
                self.take(name, &text);
                self.settling.loaded(name, stamp);
            }
            // It changed while it was read: the next look reads it.
            Ok(None) => {}
            Err(error) => {
                self.unreadable.insert(name.to_owned(), error.to_string());
                self.settling.failed(name);
            }
        }
    }

    /// Of a file that is never at rest what it held when it was last good counts; where nothing could begin without it, what is
    /// there at this moment.
    fn settle_for(&mut self, name: &str, stamp: FileStamp) {
        self.recall(name);
        if !self.files.is_loaded(name) && !self.begun {
            return self.load(name, stamp);
        }
        self.unreadable.insert(name.to_owned(), RESTLESS.to_owned());
    }

    fn take(&mut self, name: &str, text: &[u8]) {
        let is_blank = text.trim_ascii().is_empty() && self.files.holds(name);
        let readings = if is_blank { vec![manifest::unreadable(BLANK)] } else { manifest::read(text) };
        if self.files.load(name, readings) {
            self.copies.keep(name, text);
        }
    }

    /// Begins with what the file held when it was last taken in, the first time that it is read after a start: a broken edit
    /// opens no more after a restart than before.
    fn recall(&mut self, name: &str) {
        if !self.files.is_loaded(name)
            && let Some(text) = self.copies.recall(name)
        {
            self.files.load(name, manifest::read(&text));
        }
    }

    /// What is wrong with files and folders.
    fn problems(&self) -> Vec<Report> {
        let folder = self.folder.display().to_string();
        let effect = |source: &String| match self.begun && (*source == folder || self.files.holds(source)) {
            true => Effect::LastGoodVersion,
            false => Effect::Nothing,
        };
        let report = |(source, message): (&String, &String)| Report {
            source: source.clone(),
            problem: Problem {
                kind: String::new(),
                namespace: String::new(),
                name: String::new(),
                field: String::new(),
                line: None,
                message: message.clone(),
            },
            effect: effect(source),
        };
        let unreadable = self.unreadable.iter().map(report);
        // Before everything was read, nothing says which versions count.
        let files = if self.begun { self.files.problems() } else { Vec::new() };
        unreadable.chain(files).collect()
    }
}

/// The content of a file; nothing when it is no longer the one that was listed.
fn read(path: &Path, listed: FileStamp) -> io::Result<Option<Vec<u8>>> {
    let file = File::open(path)?;
    let mut text = Vec::new();
    // One byte more than is read says that there is more.
    (&file).take(LARGEST_FILE as u64 + 1).read_to_end(&mut text)?;
    let same = FileStamp::from(&file.metadata()?) == listed && FileStamp::of(path)? == listed;
    Ok(same.then_some(text))
}

#[cfg(test)]
mod tests;
