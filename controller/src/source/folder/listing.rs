//! What the folder holds.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use crate::file_stamp::FileStamp;

/// Files that are looked at.
const MAX_FILES: usize = 10_000;
/// Bytes of all files together.
const MAX_SIZE: u64 = 512 << 20;
const EMPTIED: &str = "the folder holds no manifest, and did before, so it is taken for one that is not mounted; if there are \
    to be none, put a manifest there that holds nothing but a comment";

/// The manifests of the folder by name; or why they cannot be listed.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) files: BTreeMap<String, Listed>,
    /// The folder as a whole, or some of its files, were not listed: nothing is known to be gone.
    pub(super) incomplete: Option<(String, String)>,
}

/// One file.
#[derive(Debug)]
pub(super) enum Listed {
    /// It is there.
    Present(FileStamp),
    /// It is there and cannot be looked at, or is not to be read.
    Unreadable(String),
}

impl Listing {
    /// Lists the folder that held the files `known`.
    pub(super) fn of(folder: &Path, known: &BTreeSet<String>) -> Self {
        let incomplete = |problem: String| Self {
            files: BTreeMap::new(),
            incomplete: Some((folder.display().to_string(), problem)),
        };
        match list(folder) {
            // All files at once go when the folder is unmounted or replaced, and hardly ever because the mesh is to end.
            Ok(files) if files.is_empty() && !known.is_empty() => incomplete(EMPTIED.to_owned()),
            Ok(files) => Self { files: bounded(files), incomplete: None },
            Err(error) => incomplete(format!("the folder cannot be read: {error}")),
        }
    }

    /// Files that cannot be looked at, or are not to be read.
    pub(super) fn unreadable(&self) -> impl Iterator<Item = &String> {
        self.files.iter().filter(|(_, listed)| matches!(listed, Listed::Unreadable(_))).map(|(name, _)| name)
    }

    /// What is wrong, by file.
    pub(super) fn problems(&self) -> BTreeMap<String, String> {
        let files = self.files.iter().filter_map(|(name, listed)| match listed {
            Listed::Present(_) => None,
            Listed::Unreadable(problem) => Some((name.clone(), problem.clone())),
        });
        files.chain(self.incomplete.clone()).collect()
    }
}

fn list(folder: &Path) -> io::Result<BTreeMap<String, Listed>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if is_manifest(&name) {
            let listed = look(&folder.join(&name));
            files.insert(name, listed);
        }
    }
    Ok(files)
}

fn is_manifest(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    !name.starts_with('.') && matches!(ending, Some("yaml" | "yml" | "json"))
}

/// Folders, pipes and the like are never opened.
fn look(path: &Path) -> Listed {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Listed::Present(FileStamp::from(&metadata)),
        Ok(_) => Listed::Unreadable("not a regular file".to_owned()),
        Err(error) => Listed::Unreadable(error.to_string()),
    }
}

/// What goes beyond the bounds is not read; the first files by name are.
fn bounded(files: BTreeMap<String, Listed>) -> BTreeMap<String, Listed> {
    let mut count = 0_usize;
    let mut size = 0_u64;
    let bound = |(name, listed): (String, Listed)| {
        count += 1;
        if let Listed::Present(stamp) = &listed {
            size = size.saturating_add(stamp.size());
        }
        let problem = if count > MAX_FILES {
            format!("not read: the folder holds more than {MAX_FILES} manifests")
        } else if size > MAX_SIZE {
            format!("not read: the folder's manifests are larger than {MAX_SIZE} bytes together")
        } else {
            return (name, listed);
        };
        (name, Listed::Unreadable(problem))
    };
    files.into_iter().map(bound).collect()
}
