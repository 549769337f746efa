//! A process in a Pod. Pure.

use super::capability::{Capability, CapabilitySet, Scope};

/// A process in a Pod's network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodProcess {
    /// Its id, as this machine counts.
    pub pid: u32,
    /// What the kernel shows of it.
    pub status: ProcessStatus,
    /// Where its capabilities count.
    pub user_namespace: UserNamespace,
}

/// What `/proc/PID/status` says (proc_pid_status(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessStatus {
    /// Name of the command, which the process chooses.
    pub command: String,
    /// Effective uid, as this machine counts.
    pub uid: u32,
    /// Capabilities that it can use now.
    pub permitted: CapabilitySet,
    /// Capabilities that a program which it starts may get.
    pub bounding: CapabilitySet,
    /// No program gives it more than it has.
    pub no_new_privileges: bool,
}

/// Whose capabilities a process has (user_namespaces(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserNamespace {
    /// The node's.
    Node,
    /// Another one, which owns the Pod's network namespace.
    PodOwner,
    /// Another one, which owns nothing that matters here.
    Other,
}

impl PodProcess {
    /// Harmful capabilities that it can use now.
    #[must_use]
    pub fn holds(&self) -> Vec<Capability> {
        self.harmful(|capability| self.status.permitted.contains(capability))
    }

    /// Harmful capabilities that it gets by starting a setuid program, or one with file capabilities.
    #[must_use]
    pub fn may_gain(&self) -> Vec<Capability> {
        let ProcessStatus { permitted, bounding, no_new_privileges, .. } = self.status;
        let is_gained = |capability| bounding.contains(capability) && !permitted.contains(capability);
        self.harmful(|capability| !no_new_privileges && is_gained(capability))
    }

    fn harmful(&self, has: impl Fn(Capability) -> bool) -> Vec<Capability> {
        let counts = |capability: Capability| match self.user_namespace {
            UserNamespace::Node => true,
            UserNamespace::PodOwner => capability.scope() == Scope::Network,
            UserNamespace::Other => false,
        };
        Capability::ALL.into_iter().filter(|&capability| counts(capability) && has(capability)).collect()
    }
}

impl ProcessStatus {
    /// Reads the file's text; none where it lacks a line.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let value =
            |name| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
        let set = |name| CapabilitySet::from_hex(value(name)?);
        Some(Self {
            // A name could otherwise change the terminal.
            command: value("Name")?.chars().map(|c| if c.is_control() { '?' } else { c }).collect(),
            uid: value("Uid")?.split_whitespace().nth(1)?.parse().ok()?,
            permitted: set("CapPrm")?,
            bounding: set("CapBnd")?,
            no_new_privileges: value("NoNewPrivs")? == "1",
        })
    }
}

#[cfg(test)]
mod tests;
