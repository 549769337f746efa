//! Manifests in a folder, read again whenever they change.
//!
//! The files `*.yaml`, `*.yml` and `*.json` of the folder itself count; names that begin with a dot do not (editors write
//! such files, and mounted ConfigMaps hold their data behind them). Symbolic links are followed, so that a swapped link is a
//! changed file.
//!
//! * [`settling`] – pure: which files are to be read now, and which are gone
//! * [`listing`] – what the folder holds
//! * [`good_copies`] – the last good version of each object, for the next start
//!
//! What must hold: nothing that happens to a file opens what it had closed. A file that cannot be read keeps what it had, a
//! broken object keeps its last good version, and a file that is still being written is left alone. A file with nothing in it is
//! what a program leaves that has not written yet, or could not: it says nothing of what was in it. Who means that there is
//! nothing removes the file, or leaves a comment in it. A folder with no file in it is likewise what is left where nothing is mounted.

mod good_copies;
mod listing;
mod settling;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use karez_resources::Problem;
use karez_resources::manifest::{self, LARGEST_FILE, Reading};
use karez_translate::{Effect, Objects, Report};
use tokio::sync::watch;
use tracing::{info, warn};

use super::{Inventory, Reader};
use crate::file_stamp::FileStamp;
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

/// Keeps the inventory as the folder has it.
#[derive(Debug)]
pub struct FolderInventory {
    folder: PathBuf,
    copies: GoodCopies,
    settling: Settling,
    objects: Objects,
    unreadable: BTreeMap<String, String>,
    /// Everything has been read once.
    begun: bool,
    current: watch::Sender<Arc<Inventory>>,
}

impl FolderInventory {
    /// For the manifests in `folder`; the last good version of each object is kept in `copies`, a folder of its own.
    #[must_use]
    pub fn new(folder: PathBuf, copies: PathBuf) -> (Self, Reader) {
        let (current, reader) = watch::channel(Arc::default());
        let copies = GoodCopies::new(copies);
        let inventory = Self {
            folder,
            settling: Settling::knowing(copies.names()),
            copies,
            objects: Objects::default(),
            unreadable: BTreeMap::new(),
            begun: false,
            current,
        };
        (inventory, reader)
    }

    /// Reads the folder, and again whenever it changes. Never returns.
    pub async fn run(mut self) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // It fails only when the blocking pool is shutting down, and so is this task then.
            let looked = tokio::task::spawn_blocking(move || {
                self.look(SystemTime::now());
                self
            });
            let Ok(inventory) = looked.await else { return };
            self = inventory;
        }
    }

    /// Reads what has changed and has settled since the last time.
    fn look(&mut self, now: SystemTime) {
        let listing = Listing::of(&self.folder, self.settling.known());
        let before = self.unreadable.clone();
        self.unreadable = listing.problems();
        self.copies.retry();
        for name in listing.unreadable() {
            self.recall(name);
        }
        let plan = self.settling.plan(listing, now);
        for name in &plan.gone {
            self.forget(name);
        }
        let mut read = false;
        for (name, stamp) in &plan.read {
            read |= self.load(name, *stamp);
        }
        for (name, stamp) in &plan.restless {
            read |= self.settle_for(name, *stamp);
        }
        self.unreadable.extend(self.copies.problem());
        let begins = !self.begun && self.settling.is_complete();
        if begins {
            self.begin();
        }
        if begins || read || !plan.gone.is_empty() || before != self.unreadable {
            self.publish();
        }
    }

    /// The first objects that are published are all of them: a part would tell nodes that the rest is gone.
    fn begin(&mut self) {
        self.begun = true;
        if self.settling.known().is_empty() {
            let folder = self.folder.display();
            warn!(%folder, "the folder holds no manifest: the mesh is empty until it does");
        }
    }

    fn forget(&mut self, name: &str) {
        info!(file = name, "manifest gone: its objects are removed");
        self.objects.unload(name);
        self.copies.forget(name);
    }

    /// Reads one file; false when it is not to be read yet.
    fn load(&mut self, name: &str, stamp: FileStamp) -> bool {
        self.recall(name);
        match read(&self.folder.join(name), stamp) {
            Ok(Some(text)) => {
                self.take(name, &text);
                self.settling.loaded(name, stamp);
                true
            }
            // It changed while it was read: the next look reads it.
            Ok(None) => false,
            Err(error) => {
                self.unreadable.insert(name.to_owned(), error.to_string());
                self.settling.failed(name);
                false
            }
        }
    }

    /// Of a file that is never at rest what it held when it was last good counts; where nothing could begin without it, what is
    /// there at this moment.
    fn settle_for(&mut self, name: &str, stamp: FileStamp) -> bool {
        self.recall(name);
        if !self.holds(name) && !self.begun {
            return self.load(name, stamp);
        }
        self.unreadable.insert(name.to_owned(), RESTLESS.to_owned());
        false
    }

    fn take(&mut self, name: &str, text: &[u8]) {
        let is_blank = text.trim_ascii().is_empty();
        if is_blank && self.objects.held_by(name).next().is_some() {
            self.objects.load(name, vec![manifest::unreadable(BLANK)]);
            return;
        }
        let readings = manifest::read(text);
        let good = !readings.iter().any(|reading| matches!(reading, Reading::Broken(_)));
        self.objects.load(name, readings);
        if good {
            self.copies.keep(name, text);
        } else {
            self.copies.keep_objects(name, text, self.objects.held_by(name));
        }
    }

    /// Begins with what the file held when it was last good, the first time that it is read after a start: a broken edit opens
    /// no more after a restart than before.
    fn recall(&mut self, name: &str) {
        if !self.holds(name)
            && let Some(text) = self.copies.recall(name)
        {
            self.objects.load(name, manifest::read(&text));
        }
    }

    /// Whether something of the file counts: what is there, or its last good version.
    fn holds(&self, name: &str) -> bool {
        self.objects.files().any(|file| file == name)
    }

    fn publish(&self) {
        let folder = self.folder.display().to_string();
        let has_good = |source: &String| *source == folder || self.objects.held_by(source).next().is_some();
        let effect = |source: &String| match self.begun && has_good(source) {
            true => Effect::LastGoodVersion,
            false => Effect::Nothing,
        };
        let problem = |(source, message): (&String, &String)| Report {
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
        let unreadable = self.unreadable.iter().map(problem).collect();
        let objects = self.begun.then(|| self.objects.clone());
        self.current.send_replace(Arc::new(Inventory { objects, unreadable }));
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
