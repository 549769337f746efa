//! Capabilities that break a promise of the mesh. Pure.

use std::fmt;

/// A capability that breaks a promise, with its number in `linux/capability.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// `CAP_NET_ADMIN`
    NetAdmin = 12,
    /// `CAP_NET_RAW`
    NetRaw = 13,
    /// `CAP_DAC_READ_SEARCH`
    DacReadSearch = 2,
    /// `CAP_SYS_MODULE`
    SysModule = 16,
    /// `CAP_SYS_RAWIO`
    SysRawio = 17,
    /// `CAP_SYS_PTRACE`
    SysPtrace = 19,
    /// `CAP_SYS_ADMIN`
    SysAdmin = 21,
    /// `CAP_BPF`
    Bpf = 39,
}

/// What a capability has power over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The Pod's network namespace: it counts in the user namespace that owns this.
    Network,
    /// The node: it counts in the node's own user namespace.
    Node,
}

/// A set, as `/proc/PID/status` writes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CapabilitySet(u64);

impl Capability {
    /// All of them, those that need the least effort first.
    pub const ALL: [Self; 8] = [
        Self::NetAdmin,
        Self::NetRaw,
        Self::SysAdmin,
        Self::SysModule,
        Self::SysPtrace,
        Self::SysRawio,
        Self::Bpf,
        Self::DacReadSearch,
    ];

    /// What it has power over.
    #[must_use]
    pub fn scope(self) -> Scope {
        match self {
            Self::NetAdmin | Self::NetRaw => Scope::Network,
            _ => Scope::Node,
        }
    }

    /// What a process with it can do to the mesh, after "it can".
    #[must_use]
    pub fn power(self) -> &'static str {
        match self {
            Self::NetAdmin => "remove the mesh's rules, and then send and receive in the clear",
            Self::NetRaw => {
                "send packets of its own in the clear, begin connections by AF_XDP where seccomp allows it, and receive what the Pod receives"
            }
            Self::SysAdmin => "enter other namespaces, the node's included, and so leave the Pod",
            Self::SysModule => "load code into the node's kernel",
            Self::SysPtrace => "read and steer every process that it sees, the node proxy among them",
            Self::SysRawio => "reach the node's memory and devices",
            Self::Bpf => "load programs into the node's kernel",
            Self::DacReadSearch => "read every file of the node, tokens and keys among them",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NetAdmin => "NET_ADMIN",
            Self::NetRaw => "NET_RAW",
            Self::DacReadSearch => "DAC_READ_SEARCH",
            Self::SysModule => "SYS_MODULE",
            Self::SysRawio => "SYS_RAWIO",
            Self::SysPtrace => "SYS_PTRACE",
            Self::SysAdmin => "SYS_ADMIN",
            Self::Bpf => "BPF",
        })
    }
}

impl CapabilitySet {
    /// Of hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        u64::from_str_radix(text, 16).ok().map(Self)
    }

    /// Whether it has one.
    #[must_use]
    pub fn contains(self, capability: Capability) -> bool {
        self.0 & (1 << capability as u64) != 0
    }
}

impl FromIterator<Capability> for CapabilitySet {
    fn from_iter<T: IntoIterator<Item = Capability>>(capabilities: T) -> Self {
        Self(capabilities.into_iter().fold(0, |set, capability| set | 1 << capability as u64))
    }
}
