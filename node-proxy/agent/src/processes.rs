//! Finds the network namespaces of running Pods, by the processes of the node; and kubelet ([`NodeProcess`]).
//!
//! A process belongs to the Pod that its cgroup names, whatever the container runtime. What is read here is a moment's
//! state: whoever opens the path of a namespace has to compare its id.

mod cgroup;
mod node;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use karez_handover::pod::NamespaceId;

pub use node::NodeProcess;

/// Where container runtimes keep network namespaces, beyond the life of any process in them.
const MOUNTED: &str = "/run/netns";

/// The node's processes.
#[derive(Debug, Clone)]
pub struct Processes {
    proc: PathBuf,
    mounted: PathBuf,
}

/// A network namespace that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundNamespace {
    /// A path that leads to it: one that a runtime mounted, or else that of a process.
    pub path: PathBuf,
    /// What makes it itself.
    pub id: NamespaceId,
}

/// A process of a Pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct PodProcess {
    /// Clock ticks after boot.
    started: u64,
    pid: u32,
    namespace: NamespaceId,
}

impl Processes {
    /// The processes that a procfs at `proc` shows.
    #[must_use]
    pub fn new(proc: impl Into<PathBuf>) -> Self {
        Self { proc: proc.into(), mounted: MOUNTED.into() }
    }

    /// The network namespaces in which processes of these Pods run, by uid: that of the oldest process first, which is the
    /// sandbox's own. This process's namespace is none of them. Blocks.
    ///
    /// # Errors
    /// When the procfs cannot be read at all. A process that ends meanwhile is none.
    pub fn find(&self, uids: &BTreeSet<String>) -> io::Result<BTreeMap<String, Vec<FoundNamespace>>> {
        let mut processes: BTreeMap<String, Vec<PodProcess>> = BTreeMap::new();
        let own = namespace_at(Path::new("/proc/self/ns/net")).ok();
        for pid in self.pids()? {
            if let Some((uid, process)) = self.pod_process(pid, uids)
                && Some(process.namespace) != own
            {
                processes.entry(uid).or_default().push(process);
            }
        }
        let mounted = self.mounted();
        let found = processes.into_iter().map(|(uid, processes)| (uid, self.namespaces(processes, &mounted)));
        Ok(found.collect())
    }

    fn pids(&self) -> io::Result<impl Iterator<Item = u32>> {
        let entries = fs::read_dir(&self.proc)?;
        Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()))
    }

    fn namespaces(
        &self,
        mut processes: Vec<PodProcess>,
        mounted: &BTreeMap<NamespaceId, PathBuf>,
    ) -> Vec<FoundNamespace> {
        processes.sort_unstable();
        let mut found: Vec<FoundNamespace> = Vec::new();
        for PodProcess { pid, namespace: id, .. } in processes {
            if !found.iter().any(|other| other.id == id) {
                let path = mounted.get(&id).cloned().unwrap_or_else(|| self.namespace_path(pid));
                found.push(FoundNamespace { path, id });
            }
        }
        found
    }

    fn pod_process(&self, pid: u32, uids: &BTreeSet<String>) -> Option<(String, PodProcess)> {
        let started = self.started(pid)?;
        let cgroups = fs::read_to_string(self.folder(pid).join("cgroup")).ok()?;
        let uid = cgroup::pod_uid(&cgroups).filter(|uid| uids.contains(uid))?;
        let namespace = namespace_at(&self.namespace_path(pid)).ok()?;
        // Else the number has gone to another process in between.
        (self.started(pid)? == started).then_some((uid, PodProcess { started, pid, namespace }))
    }

    fn started(&self, pid: u32) -> Option<u64> {
        started(&fs::read_to_string(self.folder(pid).join("stat")).ok()?)
    }

    /// The folder of a process in the procfs.
    pub(crate) fn folder(&self, pid: u32) -> PathBuf {
        self.proc.join(pid.to_string())
    }

    fn namespace_path(&self, pid: u32) -> PathBuf {
        self.folder(pid).join("ns/net")
    }

    /// Namespaces that are mounted; none where the folder is not there.
    fn mounted(&self) -> BTreeMap<NamespaceId, PathBuf> {
        let entries = fs::read_dir(&self.mounted).into_iter().flatten().flatten();
        entries.filter_map(|entry| Some((namespace_at(&entry.path()).ok()?, entry.path()))).collect()
    }
}

fn namespace_at(path: &Path) -> io::Result<NamespaceId> {
    let metadata = fs::metadata(path)?;
    Ok(NamespaceId { device: metadata.dev(), inode: metadata.ino() })
}

/// The start time in `/proc/PID/stat`, field 22 of proc(5). The name before may hold anything, parentheses included.
fn started(stat: &str) -> Option<u64> {
    const AFTER_NAME: usize = 22 - 3;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(AFTER_NAME)?.parse().ok()
}

#[cfg(test)]
mod tests;
