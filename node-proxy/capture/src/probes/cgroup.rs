//! The cgroup that kubelet opens its connections in, and the view in which `nft` finds it.
//!
//! `nft` looks for a rule's cgroup below /sys/fs/cgroup, and the kernel counts a rule's levels from the root that the
//! loading process sees. So the loader goes into kubelet's cgroup namespace, and mounts what is seen there.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::thread;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};

/// Where `nft` looks for cgroups.
const MOUNT_POINT: &str = "/sys/fs/cgroup";

/// By what the connections of kubelet are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creator {
    /// Kubelet's own cgroup of the version 2 hierarchy: the path below the root, without a leading slash.
    Cgroup(String),
    /// Every process of root's on the node, because kubelet has no cgroup of its own.
    Root,
}

/// Does `work` where `nft` finds the cgroup that the folder `process` of a procfs names, on a thread of its own: what that
/// changes about the thread's namespaces ends with it.
///
/// # Errors
/// When the process has ended, or its cgroup namespace cannot be entered.
pub(super) fn within_that_of<R: Send>(
    process: &Path,
    work: impl FnOnce(Creator) -> R + Send,
) -> io::Result<R> {
    let namespace = File::open(process.join("ns/cgroup"))?;
    thread::scope(|scope| {
        let entered = || {
            setns(&namespace, CloneFlags::CLONE_NEWCGROUP)?;
            // Only now: the kernel tells paths as the reader's namespace shows them.
            let creator = creator(&fs::read_to_string(process.join("cgroup"))?);
            if let Creator::Cgroup(_) = creator {
                show_hierarchy()?;
            }
            Ok(work(creator))
        };
        let thread = thread::Builder::new().name("cgroup".to_owned()).spawn_scoped(scope, entered)?;
        thread.join().map_err(|_| io::Error::other("the work ended in a panic"))?
    })
}

/// Mounts the version 2 hierarchy where `nft` looks, for this thread and the programs that it starts.
fn show_hierarchy() -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    // Else the new mount would be seen by others too.
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    mount(Some("cgroup2"), MOUNT_POINT, Some("cgroup2"), MsFlags::MS_RDONLY, None::<&str>)?;
    Ok(())
}

/// Pure: by what the text of `/proc/PID/cgroup` has the process's connections known. The line of version 2 begins with
/// `0::` (cgroups(7)).
fn creator(cgroups: &str) -> Creator {
    let path = cgroups.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    if can_be_named(path) { Creator::Cgroup(path.to_owned()) } else { Creator::Root }
}

/// Whether a rule can name the cgroup: not the root, nor one outside of the namespace, nor one with characters that `nft`
/// would misread.
fn can_be_named(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-@:".contains(&byte);
    !path.is_empty() && path.bytes().all(is_plain) && path.split('/').all(|name| name != "..")
}

#[cfg(test)]
mod tests;
