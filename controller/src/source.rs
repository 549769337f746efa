//! Where objects come from: a source sends what changed, and says when it has seen everything once.
//!
//! * [`folder`] – manifests in a folder
//! * [`cluster`] – the API server of a cluster
//!
//! A controller has one source, a folder of manifests or a cluster. It sends [`Batch`]es into a bounded queue, which one task
//! takes in: it applies their deltas to the index and publishes what changed.
//!
//! What a source must keep to:
//!
//! * One object has one key, and the deltas of a key come in the order of its versions. Deltas of a batch take effect together,
//!   at one moment for node proxies: what belongs together goes into one batch, such as an object that moves between two files.
//! * After a gap (a relist, a watch that starts again) it sends a [`Delta::Gone`] for each object that it set before and that
//!   is no longer there. A [`Delta::Set`] that says what was said before costs next to nothing.
//! * An object that it cannot read is [`Delta::Unreadable`] and not absent: what it was before stays in force, and a policy that
//!   never was readable refuses what it covers. An object that cannot be named is a problem of the source.
//! * It is `complete` once it has seen every object of every kind once. Until a batch says so nothing is served: a node proxy
//!   that comes back must not be told that a part of its mesh is all of it. Later batches need not repeat it.
//! * Sending waits while the queue is full, so a source holds no more than one batch besides. It stops when sending fails: then
//!   the controller is stopping.

pub mod cluster;
pub mod folder;

use karez_resources::Key;
use karez_translate::{Delta, Report};
use tokio::sync::mpsc;

/// Batches that wait to be taken in.
const QUEUE: usize = 16;

/// What a source has seen since its last batch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Objects that changed.
    pub deltas: Vec<Delta>,
    /// Of objects that have a status: the generation that their deltas are of, or none of one that has gone.
    pub generations: Vec<(Key, Option<i64>)>,
    /// What is wrong with the source itself, such as a file that cannot be read: all of it, in the place of what was said
    /// before. None says that it is as before.
    pub problems: Option<Vec<Report>>,
    /// The source has seen everything once.
    pub complete: bool,
}

/// Where a source sends its batches. Tasks of one source share it by clones.
pub type Sender = mpsc::Sender<Batch>;

/// Where they are taken in.
pub type Receiver = mpsc::Receiver<Batch>;

/// The queue between a source and the task that takes its batches in.
#[must_use]
pub fn channel() -> (Sender, Receiver) {
    mpsc::channel(QUEUE)
}
