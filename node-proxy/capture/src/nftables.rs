//! nftables in the calling thread's network namespace: loads rules with the `nft` program, and notices changes.

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
use crate::rules::{TABLE, wire};

const PROGRAM: &str = "nft";
const GUARD_FAMILY: &str = "netdev";
/// Time limit of each call. It takes milliseconds, unless other processes keep the kernel busy with the namespace's
/// rules.
const LIMIT: Duration = Duration::from_secs(10);

/// A hash of the table in the kernel. Valid only within one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(u64);

/// A number that changes with any rules of the namespace (`NFT_MSG_GETGEN`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation(pub u32);

/// The tables as `nft` lists them, without counters and set members, which packets change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing(String);

/// Why `nft` failed.
#[derive(Debug, thiserror::Error)]
pub enum NftablesError {
    /// The program cannot be started.
    #[error("cannot run {PROGRAM} (package nftables): {0}")]
    Start(io::Error),
    /// It took too long.
    #[error(
        "{PROGRAM} did not {task} within {LIMIT:?} and was stopped: the node is overloaded, or a process in the Pod keeps \
         the kernel busy with rules of its own"
    )]
    TimedOut {
        /// The task.
        task: &'static str,
    },
    /// The kernel does not tell the generation.
    #[error("cannot ask for the generation of the rules: {0}")]
    Generation(io::Error),
    /// It refused.
    #[error("{PROGRAM} cannot {task}: {message}")]
    Refused {
        /// The task.
        task: &'static str,
        /// Its output.
        message: String,
    },
}

/// Loads the rules of [`rules::render`](crate::rules::render): all or nothing.
///
/// # Errors
/// When `nft` or the kernel refuses them. Nothing has changed then.
pub fn apply(rules: &str) -> Result<(), NftablesError> {
    run("load the rules", &["-f", "-"], rules).map(drop)
}

/// The tables; None without the `inet` table.
///
/// # Errors
/// When `nft` fails.
pub fn list() -> Result<Option<Listing>, NftablesError> {
    // Checked first, because listing a missing table gives no distinct error.
    let tables = Tables::list()?;
    if !tables.have("inet") {
        return Ok(None);
    }
    let mut listing = list_table("inet")?;
    if tables.have(GUARD_FAMILY) {
        listing.push_str(&list_table(GUARD_FAMILY)?);
    }
    Ok(Some(Listing(listing)))
}

/// The namespace's tables, as `nft` lists them.
struct Tables(String);

impl Tables {
    fn list() -> Result<Self, NftablesError> {
        run("list the tables", &["list", "tables"], "").map(Self)
    }

    fn have(&self, family: &str) -> bool {
        self.0.lines().any(|line| line == format!("table {family} {TABLE}"))
    }
}

fn list_table(family: &str) -> Result<String, NftablesError> {
    run("list the rules", &["--stateless", "--terse", "list", "table", family, TABLE], "")
}

/// The generation of the namespace's rules.
///
/// # Errors
/// When the kernel does not answer.
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

/// Loads rules, and deletes the guard against raw sockets in the same transaction. Otherwise the guard would drop SYNs
/// that the new rules no longer redirect.
///
/// # Errors
/// When `nft` or the kernel refuses. Nothing has changed then.
pub fn apply_unguarded(rules: &str) -> Result<(), NftablesError> {
    // A kernel without the guard's family refuses even "add".
    let guard = if Tables::list()?.have(GUARD_FAMILY) { wire::render_removal() } else { String::new() };
    run("load the rules", &["-f", "-"], &(guard + rules)).map(drop)
}

impl Listing {
    /// A hash that changes with the rules.
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
