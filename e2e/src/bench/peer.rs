//! Another node proxy, as the command line names it: `NAME=PATH`.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Error, Result, ensure};

/// The sides that are always there.
const TAKEN: [&str; 3] = ["direct", "haproxy", "karez"];
/// A column of the table is not much wider, and the name is part of socket paths.
const LONGEST_NAME: usize = 20;

/// A node proxy to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its name in table and JSON, and of the namespace of its Pods.
    pub name: String,
    /// The program, or a wrapper around it.
    pub program: PathBuf,
}

impl FromStr for Peer {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, path) = text.split_once('=').context("expected NAME=PATH")?;
        check_name(name)?;
        Ok(Self { name: name.to_owned(), program: executable(Path::new(path))? })
    }
}

/// Checks that no two have one name.
///
/// # Errors
/// With the name.
pub fn ensure_distinct(peers: &[Peer]) -> Result<()> {
    let mut seen = BTreeSet::new();
    for peer in peers {
        ensure!(seen.insert(&peer.name), "two peers are named {}: give one another name", peer.name);
    }
    Ok(())
}

/// A Kubernetes label (RFC 1123), because a namespace gets the name, and a short one.
fn check_name(name: &str) -> Result<()> {
    let is_label = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !name.is_empty()
        && !name.starts_with('-')
        && !name.ends_with('-');
    ensure!(
        is_label && name.len() <= LONGEST_NAME,
        "{name:?} is no name for a peer: at most {LONGEST_NAME} of a-z, 0-9 and -, with no - at either end"
    );
    ensure!(!TAKEN.contains(&name), "{name} is measured anyway: give the peer another name");
    Ok(())
}

fn executable(path: &Path) -> Result<PathBuf> {
    let program = path.canonicalize().with_context(|| path.display().to_string())?;
    let metadata = program.metadata().with_context(|| program.display().to_string())?;
    ensure!(
        metadata.is_file() && metadata.permissions().mode() & 0o111 != 0,
        "{} is not an executable file",
        program.display()
    );
    Ok(program)
}

#[cfg(test)]
mod tests;
