//! The objects that users wrote, as they are at present: the last good version of each.
//!
//! * [`folder`] – manifests in a folder

pub mod folder;

use std::sync::Arc;

use karez_translate::{Objects, Report};
use tokio::sync::watch;

/// All objects at one moment.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// What was read. There is nothing to go by until everything has been read once.
    pub objects: Option<Objects>,
    /// Files that could not be read at all, and folders that could not be read or written.
    pub unreadable: Vec<Report>,
}

/// Reads the inventory.
pub type Reader = watch::Receiver<Arc<Inventory>>;
