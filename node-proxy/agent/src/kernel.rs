//! What the agent does to a Pod's network namespace, all of it blocking: behind a trait, so that a Pod's life can be
//! tested without root.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use karez_capture::capture::{self, CaptureError, Installed, Integrity, Proxy};
use karez_capture::marks::PodMark;
use karez_capture::netns::{NamespaceError, NetworkNamespace};
use karez_capture::seqpacket::{self, Address};
use karez_capture::sockets::{self, Backlog, Family, Kind, NotTheListener, SocketError};
use karez_capture::sysctls;
use karez_handover::listener::{Listener, Listeners, Role};
use karez_handover::pod::NamespaceId;

use crate::processes::{FoundNamespace, Processes};
use crate::record::Record;

/// Who serves the Pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServedBy {
    /// Karez's node proxy, which gets listeners.
    Karez,
    /// A ztunnel, which gets namespaces.
    Ztunnel,
}

/// Everything that needs a privilege.
pub trait Kernel: std::fmt::Debug + Send + Sync + 'static {
    /// An open network namespace.
    type Sandbox: std::fmt::Debug + Send + Sync + 'static;
    /// What was put in place, to compare with later.
    type Installed: std::fmt::Debug + Send + Sync + 'static;

    /// Opens a network namespace; the host's is refused.
    ///
    /// # Errors
    /// When there is none at the path.
    fn open(&self, netns: &Path) -> Result<Self::Sandbox, KernelError>;

    /// What makes it itself.
    fn id(&self, sandbox: &Self::Sandbox) -> NamespaceId;

    /// What is at the path now; None when nothing is.
    ///
    /// # Errors
    /// When that cannot be told.
    fn id_at(&self, netns: &Path) -> Result<Option<NamespaceId>, KernelError>;

    /// The network namespaces of running Pods, by uid: the likeliest one of each first.
    ///
    /// # Errors
    /// When the node's processes cannot be read.
    fn find(&self, uids: &BTreeSet<String>) -> Result<BTreeMap<String, Vec<FoundNamespace>>, KernelError>;

    /// Listens for a node proxy inside its own namespace.
    ///
    /// # Errors
    /// When somebody there has the address already.
    fn listen_at(
        &self,
        sandbox: &Self::Sandbox,
        address: &Address,
    ) -> Result<seqpacket::Listener, KernelError>;

    /// Its global addresses.
    ///
    /// # Errors
    /// When the kernel does not tell.
    fn addresses(&self, sandbox: &Self::Sandbox) -> Result<Vec<IpAddr>, KernelError>;

    /// Whether there is IPv6 to listen for.
    fn has_ipv6(&self) -> bool;

    /// Another descriptor of it.
    ///
    /// # Errors
    /// When there is none left.
    fn duplicate(&self, sandbox: &Self::Sandbox) -> Result<OwnedFd, KernelError>;

    /// Opens listeners.
    ///
    /// # Errors
    /// When one cannot be opened; then none is.
    fn listen(&self, sandbox: &Self::Sandbox, roles: &[Role]) -> Result<Listeners, KernelError>;

    /// Says whether a descriptor is a listener that this kernel opened in the Pod's namespace.
    ///
    /// # Errors
    /// With what is different.
    fn inspect(listener: &Listener, namespace: NamespaceId) -> Result<(), NotTheListener>;

    /// Opens sockets of the stock.
    ///
    /// # Errors
    /// When one cannot be opened; then none is.
    fn stock(
        &self,
        sandbox: &Self::Sandbox,
        kind: Kind,
        family: Family,
        count: usize,
        mark: PodMark,
    ) -> Result<Vec<OwnedFd>, KernelError>;

    /// Captures the Pod, or brings what is there up to date; `earlier` is what this process had put in place.
    ///
    /// # Errors
    /// When a step fails; another call takes it up.
    fn install(
        &self,
        sandbox: &Self::Sandbox,
        options: CaptureOptions,
        earlier: Option<&Self::Installed>,
    ) -> Result<Self::Installed, KernelError>;

    /// Whether everything is as it was installed; else what has changed.
    ///
    /// # Errors
    /// When the kernel does not tell.
    fn verify(&self, sandbox: &Self::Sandbox, installed: &Self::Installed) -> Result<Integrity, KernelError>;

    /// Captures nothing new.
    ///
    /// # Errors
    /// When the rules cannot be replaced.
    fn leave(&self, sandbox: &Self::Sandbox, options: CaptureOptions) -> Result<(), KernelError>;

    /// Takes capture away, and says how many captured connections had to be reset.
    ///
    /// # Errors
    /// When a step fails; another call takes it up.
    fn remove(&self, sandbox: &Self::Sandbox) -> Result<usize, KernelError>;
}

/// How one Pod is captured, beside what is the same for all Pods of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptureOptions {
    /// Whether its DNS queries are captured.
    pub dns: bool,
    /// Whether flows older than the capture are closed.
    pub strict: bool,
    /// By what its rules know the mesh's sockets.
    pub mark: PodMark,
}

impl CaptureOptions {
    /// The options of an enrolled Pod.
    pub(crate) fn of(record: &Record) -> Self {
        Self { dns: record.openings.dns, strict: record.strict, mark: record.mark }
    }
}

/// Why the kernel does not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The namespace.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// The capture.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The sockets.
    #[error(transparent)]
    Sockets(#[from] SocketError),
    /// The node's processes.
    #[error("cannot read the node's processes (--proc): {0}")]
    Processes(io::Error),
    /// A socket for a node proxy.
    #[error("cannot listen on {address} in the network namespace {}: {source}", netns.display())]
    Listen {
        /// Where.
        address: Address,
        /// In which namespace.
        netns: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Where it was found there is another namespace now.
    #[error("{} leads to another network namespace by now", .0.display())]
    Elsewhere(PathBuf),
    /// Descriptors.
    #[error("no descriptor is left: {0}")]
    Descriptors(#[from] io::Error),
}

/// The kernel itself.
#[derive(Debug, Clone)]
pub struct Linux {
    /// Who serves the Pods.
    pub served_by: ServedBy,
    /// Source addresses of health probes.
    pub probes: Vec<IpAddr>,
    /// The node's processes.
    pub processes: Processes,
}

impl Kernel for Linux {
    type Sandbox = NetworkNamespace;
    type Installed = Installed;

    fn open(&self, netns: &Path) -> Result<NetworkNamespace, KernelError> {
        Ok(NetworkNamespace::open(netns)?)
    }

    fn id(&self, sandbox: &NetworkNamespace) -> NamespaceId {
        sandbox.id()
    }

    fn id_at(&self, netns: &Path) -> Result<Option<NamespaceId>, KernelError> {
        match fs::metadata(netns) {
            Ok(metadata) => Ok(Some(NamespaceId { device: metadata.dev(), inode: metadata.ino() })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(NamespaceError::Open { path: netns.to_owned(), source }.into()),
        }
    }

    fn find(&self, uids: &BTreeSet<String>) -> Result<BTreeMap<String, Vec<FoundNamespace>>, KernelError> {
        self.processes.find(uids).map_err(KernelError::Processes)
    }

    fn listen_at(
        &self,
        sandbox: &NetworkNamespace,
        address: &Address,
    ) -> Result<seqpacket::Listener, KernelError> {
        let listening = sandbox.run(|| seqpacket::Listener::bind(address))?;
        let netns = sandbox.path().to_owned();
        listening.map_err(|source| KernelError::Listen { address: address.clone(), netns, source })
    }

    fn addresses(&self, sandbox: &NetworkNamespace) -> Result<Vec<IpAddr>, KernelError> {
        Ok(sandbox.addresses()?)
    }

    fn has_ipv6(&self) -> bool {
        sysctls::kernel_has_ipv6()
    }

    fn duplicate(&self, sandbox: &NetworkNamespace) -> Result<OwnedFd, KernelError> {
        Ok(sandbox.as_fd().try_clone_to_owned()?)
    }

    fn listen(&self, sandbox: &NetworkNamespace, roles: &[Role]) -> Result<Listeners, KernelError> {
        let open = |role: &Role| {
            let opened = sockets::open_listener(sandbox, role.kind, role.family, Backlog::default())?;
            Ok(Listener { role: *role, descriptor: Arc::new(opened) })
        };
        roles.iter().map(open).collect()
    }

    fn inspect(listener: &Listener, namespace: NamespaceId) -> Result<(), NotTheListener> {
        sockets::check_listener(listener.as_fd(), listener.role.kind, listener.role.family, namespace)
    }

    fn stock(
        &self,
        sandbox: &NetworkNamespace,
        kind: Kind,
        family: Family,
        count: usize,
        mark: PodMark,
    ) -> Result<Vec<OwnedFd>, KernelError> {
        Ok(sockets::open_stock(sandbox, kind, family, count, mark)?)
    }

    fn install(
        &self,
        sandbox: &NetworkNamespace,
        options: CaptureOptions,
        earlier: Option<&Installed>,
    ) -> Result<Installed, KernelError> {
        let installed = capture::install(sandbox, &self.capture(options), earlier)?;
        if let Some(error) = installed.unguarded() {
            let netns = sandbox.path().display();
            tracing::warn!(%netns, %error, "raw packets of the Pod may begin connections past the mesh");
        }
        Ok(installed)
    }

    fn verify(&self, sandbox: &NetworkNamespace, installed: &Installed) -> Result<Integrity, KernelError> {
        Ok(capture::verify(sandbox, installed)?)
    }

    fn leave(&self, sandbox: &NetworkNamespace, options: CaptureOptions) -> Result<(), KernelError> {
        Ok(capture::leave(sandbox, &self.capture(options))?)
    }

    fn remove(&self, sandbox: &NetworkNamespace) -> Result<usize, KernelError> {
        Ok(capture::remove(sandbox)?)
    }
}

impl Linux {
    fn capture(&self, options: CaptureOptions) -> capture::Settings {
        let CaptureOptions { dns, strict, mark } = options;
        let proxy = match self.served_by {
            ServedBy::Karez => Proxy::Karez { mark },
            ServedBy::Ztunnel => Proxy::Ztunnel,
        };
        capture::Settings { proxy, probes: self.probes.clone(), dns, close_older: strict }
    }
}

#[cfg(test)]
pub(crate) mod fake;
