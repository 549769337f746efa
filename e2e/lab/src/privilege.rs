//! What this process may do, and that it is inside namespaces of its own.

use std::fs::{self, File};
use std::io::Write as _;
use std::panic::Location;

use anyhow::{Context as _, Result, ensure};

/// Names the file that [`Privilege::leaves_out`] writes to.
const LEFT_OUT: &str = "LAB_LEFT_OUT";

/// How the lab's programs can change who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privilege {
    /// Real root: programs run under users of their own.
    Root,
    /// Root of a user namespace with one uid: programs drop every capability and keep the uid.
    OneUid,
}

impl Privilege {
    /// Reads it from the user namespace's map of uids.
    ///
    /// # Errors
    /// When the process is not root in its user namespace, or not in network and mount namespaces apart from init's.
    pub fn detect() -> Result<Self> {
        ensure!(
            nix::unistd::geteuid().is_root() && std::env::var_os("LAB_PRIVATE").is_some(),
            "the lab changes network and mounts: run it by `e2e/test`, which makes private namespaces first"
        );
        let map = fs::read_to_string("/proc/self/uid_map").context("reading /proc/self/uid_map")?;
        let uids: u64 =
            map.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok()).sum();
        Ok(if uids > 1 { Self::Root } else { Self::OneUid })
    }

    /// Whether a test has to leave `what` out, because it takes more than one uid: never as root. The list of it is what
    /// `e2e/test` shows last, so no test leaves anything out unseen.
    ///
    /// # Errors
    /// When there is no list to put it on.
    #[track_caller]
    pub fn leaves_out(self, what: &str) -> Result<bool> {
        if self == Self::Root {
            return Ok(false);
        }
        let test = Location::caller();
        let file = std::env::var_os(LEFT_OUT).with_context(|| {
            format!("not root, so {what} has to be left out: run it by `e2e/test`, which lists that")
        })?;
        let mut list = File::options().append(true).create(true).open(&file)?;
        writeln!(list, "{}:{}: {what}", test.file(), test.line())?;
        Ok(true)
    }

    /// The words before a command line that make it run without any privilege: as `uid` where there is more than one.
    #[must_use]
    pub fn unprivileged(self, uid: u32) -> Vec<String> {
        let mut words = vec!["setpriv".to_owned()];
        if self == Self::Root {
            words.extend([format!("--reuid={uid}"), format!("--regid={uid}"), "--clear-groups".to_owned()]);
        }
        words.extend(
            ["--no-new-privs", "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"]
                .map(str::to_owned),
        );
        words
    }

    /// The words before the command line of a program that refuses to run as uid 0.
    #[must_use]
    pub fn not_uid_zero(self, uid: u32) -> Vec<String> {
        match self {
            Self::Root => [
                "setpriv".to_owned(),
                format!("--reuid={uid}"),
                format!("--regid={uid}"),
                "--clear-groups".to_owned(),
            ]
            .to_vec(),
            Self::OneUid => ["unshare", "-U", "--map-user=999"].map(str::to_owned).to_vec(),
        }
    }
}
