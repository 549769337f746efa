//! Finds processes of the node itself: kubelet.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::{Processes, cgroup, namespace_at};

/// A process of the node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeProcess {
    /// Clock ticks after boot.
    started: u64,
    /// Its number, in the node's procfs.
    pub pid: u32,
    /// The text of its `/proc/PID/cgroup`.
    cgroups: String,
}

impl Processes {
    /// The oldest process of one of these names that is the node's own: root's, in the node's network, which has to be this
    /// process's, and of no Pod. Any process may give itself any name. Blocks.
    ///
    /// # Errors
    /// When the procfs cannot be read at all. A process that ends meanwhile is none.
    pub fn on_node(&self, names: &[String]) -> io::Result<Option<NodeProcess>> {
        let own = namespace_at(Path::new("/proc/self/ns/net"))?;
        let is_on_node = |pid: u32| {
            let folder = self.folder(pid);
            let name = fs::read_to_string(folder.join("comm")).ok()?;
            let is_roots = fs::metadata(&folder).ok()?.uid() == 0;
            if !is_roots
                || !names.iter().any(|it| it == name.trim_end())
                || namespace_at(&self.namespace_path(pid)).ok()? != own
            {
                return None;
            }
            let started = self.started(pid)?;
            let cgroups = fs::read_to_string(folder.join("cgroup")).ok()?;
            cgroup::pod_uid(&cgroups).is_none().then_some(NodeProcess { started, pid, cgroups })
        };
        Ok(self.pids()?.filter_map(is_on_node).min())
    }

    /// Whether the process has not ended, nor moved to another cgroup.
    #[must_use]
    pub fn is_running(&self, process: &NodeProcess) -> bool {
        let cgroups = fs::read_to_string(self.folder(process.pid).join("cgroup"));
        self.started(process.pid) == Some(process.started) && cgroups.is_ok_and(|it| it == process.cgroups)
    }
}

#[cfg(test)]
impl NodeProcess {
    pub(crate) fn at(pid: u32) -> Self {
        Self { started: u64::from(pid), pid, cgroups: String::new() }
    }
}
