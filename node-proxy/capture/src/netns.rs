//! Network namespaces, entered for one task at a time.

mod users;

use std::fs::File;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::{fmt, io, thread};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::ifaddrs::getifaddrs;
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::SockaddrStorage;
use nix::sys::statfs::{FsType, fstatfs};

/// `NSFS_MAGIC` of `linux/magic.h`.
const NAMESPACE_FILE_SYSTEM: FsType = FsType(0x6e73_6673);
const OWN: &str = "/proc/thread-self/ns/net";

/// An open network namespace. The namespace lives while this is open, even without processes.
#[derive(Debug)]
pub struct NetworkNamespace {
    file: File,
    path: PathBuf,
    id: NamespaceId,
}

/// The identity of a network namespace: all paths to it give the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespaceId {
    /// Device number of the namespace file system.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
}

/// Why a network namespace cannot be opened or entered.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// The path cannot be opened.
    #[error("cannot open the network namespace {path}: {source}")]
    Open {
        /// The given path.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The path leads to another kind of file.
    #[error("{path} is not a namespace")]
    NotANamespace {
        /// The given path.
        path: PathBuf,
    },
    /// The path leads to this process's own namespace: the node's, which is never captured.
    #[error(
        "{path} is this process's own network namespace; a Pod on the host's network cannot be in the mesh"
    )]
    Own {
        /// The given path.
        path: PathBuf,
    },
    /// The namespace cannot be entered.
    #[error("cannot enter the network namespace {path} (this takes CAP_SYS_ADMIN): {source}")]
    Enter {
        /// The path given to [`NetworkNamespace::open`].
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The kernel does not tell its owner.
    #[error("cannot tell to which user namespace the network namespace {path} belongs: {source}")]
    Users {
        /// The path given to [`NetworkNamespace::open`].
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Its addresses cannot be read.
    #[error("cannot read the addresses in the network namespace {path}: {source}")]
    Addresses {
        /// The path given to [`NetworkNamespace::open`].
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Work inside it panicked.
    #[error("work in the network namespace {path} ended in a panic")]
    Panicked {
        /// The path given to [`NetworkNamespace::open`].
        path: PathBuf,
    },
}

impl NetworkNamespace {
    /// Opens the network namespace at `path` (`/proc/PID/ns/net`, `/run/netns/NAME`).
    ///
    /// # Errors
    /// When the path cannot be opened, is no namespace, or is this process's own.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, NamespaceError> {
        let path = path.as_ref().to_path_buf();
        let failed = |source| NamespaceError::Open { path: path.clone(), source };
        // A FIFO would block until a writer comes.
        let opened = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(&path);
        let file = opened.map_err(failed)?;
        if fstatfs(&file).map_err(|errno| failed(errno.into()))?.filesystem_type() != NAMESPACE_FILE_SYSTEM {
            return Err(NamespaceError::NotANamespace { path });
        }
        let id = NamespaceId::of(&file).map_err(failed)?;
        let own = File::open(OWN).and_then(|own| NamespaceId::of(&own)).map_err(failed)?;
        if id == own {
            return Err(NamespaceError::Own { path });
        }
        Ok(Self { file, path, id })
    }

    /// Its identity.
    #[must_use]
    pub fn id(&self) -> NamespaceId {
        self.id
    }

    /// The path that opened it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The user namespace that owns it, whose capabilities count in it.
    ///
    /// # Errors
    /// When the kernel does not tell: the owner is neither this process's user namespace nor inside it.
    pub fn owner(&self) -> Result<NamespaceId, NamespaceError> {
        users::owner_of(&self.file)
            .map_err(|source| NamespaceError::Users { path: self.path.clone(), source })
    }

    /// Runs `work` inside the namespace and waits for the result. It uses a new thread, which ends with `work`.
    ///
    /// Changes that `work` makes to its thread end with the thread.
    ///
    /// # Errors
    /// When the namespace cannot be entered, or `work` panics.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> Result<R, NamespaceError> {
        let failed = |source| NamespaceError::Enter { path: self.path.clone(), source };
        thread::scope(|scope| {
            let entered = move || {
                setns(&self.file, CloneFlags::CLONE_NEWNET)?;
                Ok::<_, Errno>(work())
            };
            let thread = thread::Builder::new()
                .name("netns".to_owned())
                .spawn_scoped(scope, entered)
                .map_err(failed)?;
            let result = thread.join().map_err(|_| NamespaceError::Panicked { path: self.path.clone() })?;
            result.map_err(|errno| failed(errno.into()))
        })
    }

    /// The addresses of the namespace's interfaces, without loopback and link-local ones.
    ///
    /// # Errors
    /// When the namespace cannot be entered or the kernel does not answer.
    pub fn addresses(&self) -> Result<Vec<IpAddr>, NamespaceError> {
        self.run(addresses_here)?
            .map_err(|source| NamespaceError::Addresses { path: self.path.clone(), source })
    }
}

/// The same as [`NetworkNamespace::addresses`], for the calling thread's namespace.
pub(crate) fn addresses_here() -> io::Result<Vec<IpAddr>> {
    let addresses = getifaddrs()?.filter_map(|interface| ip(interface.address.as_ref()?));
    Ok(addresses.filter(is_routable).collect())
}

impl AsFd for NetworkNamespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl NamespaceId {
    /// The identity of an open namespace file.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self { device: metadata.dev(), inode: metadata.ino() })
    }
}

impl fmt::Display for NamespaceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.device, self.inode)
    }
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| IpAddr::from(v4.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::from(v6.ip())))
}

fn is_routable(address: &IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !address.is_loopback() && !link_local
}

#[cfg(test)]
mod tests;
