//! nftables in the network namespace of the calling thread: rules by the `nft` program, and whether any have changed.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::process::Command;
use std::time::Duration;

use netlink_packet_netfilter::nftables::{GenAttribute, GenMessage, NfTablesMessage};
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily,
};
use netlink_sys::protocols::NETLINK_NETFILTER;

use crate::netlink::ask;
use crate::program::output_within;
use crate::rules::{TABLE, render_removal, wire};

const PROGRAM: &str = "nft";
const GUARD_FAMILY: &str = "netdev";
/// For each call of it. It takes milliseconds, unless somebody keeps the kernel busy with the rules of the same namespace.
const LIMIT: Duration = Duration::from_secs(10);

/// What the kernel holds of the table, in short. Of use within one process only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(u64);

/// Another one after every change of any rules of the namespace (`NFT_MSG_GETGEN`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation(pub u32);

/// The tables as `nft` lists them, without what packets change: counters, and members of sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing(String);

/// Why `nft` did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum NftablesError {
    /// It cannot be started.
    #[error("cannot run {PROGRAM} (package nftables): {0}")]
    Start(io::Error),
    /// It takes too long.
    #[error(
        "{PROGRAM} did not {task} within {LIMIT:?} and was stopped: the node is overloaded, or a process in the Pod keeps \
         the kernel busy with rules of its own"
    )]
    TimedOut {
        /// What it was to do.
        task: &'static str,
    },
    /// The kernel does not say whether rules have changed.
    #[error("cannot ask for the generation of the rules: {0}")]
    Generation(io::Error),
    /// It says no.
    #[error("{PROGRAM} cannot {task}: {message}")]
    Refused {
        /// What it was to do.
        task: &'static str,
        /// What it wrote.
        message: String,
    },
}

/// Loads rules as [`rules::render`](crate::rules::render) writes them: all or nothing.
///
/// # Errors
/// When `nft` or the kernel refuses them; then everything is as it was.
pub fn apply(rules: &str) -> Result<(), NftablesError> {
    run("load the rules", &["-f", "-"], rules).map(drop)
}

/// The tables, or None when that of `inet` is not there.
///
/// # Errors
/// When `nft` cannot tell.
pub fn list() -> Result<Option<Listing>, NftablesError> {
    // Asked first, because listing what is not there is an error like any other.
    let tables = run("list the tables", &["list", "tables"], "")?;
    let is_there = |family: &str| tables.lines().any(|line| line == format!("table {family} {TABLE}"));
    if !is_there("inet") {
        return Ok(None);
    }
    let mut listing = list_table("inet")?;
    if is_there(GUARD_FAMILY) {
        listing.push_str(&list_table(GUARD_FAMILY)?);
    }
    Ok(Some(Listing(listing)))
}

fn list_table(family: &str) -> Result<String, NftablesError> {
    run("list the rules", &["--stateless", "--terse", "list", "table", family, TABLE], "")
}

/// The generation of the namespace's rules.
///
/// # Errors
/// When the kernel does not tell.
pub fn generation() -> Result<Generation, NftablesError> {
    let header = NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, 0);
    let request =
        NetfilterMessage::new(header, NfTablesMessage::GetGen(GenMessage { attributes: Vec::new() }));
    let answer = ask(NETLINK_NETFILTER, request).map_err(NftablesError::Generation)?;
    let attributes = match answer.map(|message| message.inner) {
        Some(NetfilterMessageInner::NfTables(NfTablesMessage::NewGen(answer))) => answer.attributes,
        _ => Vec::new(),
    };
    attributes
        .iter()
        .find_map(|attribute| match attribute {
            GenAttribute::Id(id) => Some(Generation(*id)),
            _ => None,
        })
        .ok_or_else(|| NftablesError::Generation(io::ErrorKind::InvalidData.into()))
}

/// Deletes the tables, if they are there.
///
/// # Errors
/// When `nft` or the kernel refuses.
pub fn delete() -> Result<(), NftablesError> {
    delete_guard()?;
    run("delete the rules", &["-f", "-"], &render_removal()).map(drop)
}

/// Deletes the table that keeps raw sockets in bounds, if it is there.
///
/// # Errors
/// When `nft` or the kernel refuses.
pub fn delete_guard() -> Result<(), NftablesError> {
    let tables = run("list the tables", &["list", "tables"], "")?;
    // A kernel without this family does not even take "add".
    if !tables.lines().any(|line| line == format!("table {GUARD_FAMILY} {TABLE}")) {
        return Ok(());
    }
    run("delete the rules", &["-f", "-"], &wire::render_removal()).map(drop)
}

impl Listing {
    /// Changes when the rules change.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        Digest(hasher.finish())
    }

    /// The table's comment: [`RuleSettings::note`](crate::rules::RuleSettings::note).
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.0.lines().find_map(|line| line.trim().strip_prefix("comment \"")?.strip_suffix('"'))
    }
}

fn run(task: &'static str, arguments: &[&str], input: &str) -> Result<String, NftablesError> {
    let mut nft = Command::new(PROGRAM);
    nft.args(arguments);
    let output = output_within(LIMIT, nft, input).map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => NftablesError::TimedOut { task },
        _ => NftablesError::Start(error),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(NftablesError::Refused { task, message })
}

#[cfg(test)]
mod tests;
