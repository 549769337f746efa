//! The user namespace that a namespace belongs to.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use nix::errno::Errno;

use super::NamespaceId;

const OWN: &str = "/proc/thread-self/ns/user";

mod ioctl {
    nix::ioctl_none!(
        /// `NS_GET_USERNS` of `linux/nsfs.h`.
        owning_users,
        0xb7,
        1
    );
}

/// Whether a namespace belongs to the user namespace of the calling thread.
pub(super) fn are_shared_with(namespace: &File) -> io::Result<bool> {
    let own = NamespaceId::of(&File::open(OWN)?)?;
    match owner(namespace) {
        Ok(owner) => Ok(NamespaceId::of(&owner)? == own),
        // ioctl_nsfs(2): neither this user namespace nor one inside it.
        Err(Errno::EPERM) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// The user namespace that a namespace belongs to.
pub(super) fn owner_of(namespace: &File) -> io::Result<NamespaceId> {
    NamespaceId::of(&owner(namespace)?)
}

fn owner(namespace: &File) -> Result<File, Errno> {
    #[allow(unsafe_code, reason = "nix knows no safe form of this ioctl")]
    // SAFETY: it takes no argument, and the descriptor that it answers with is new and nobody else's.
    unsafe {
        let descriptor = ioctl::owning_users(namespace.as_raw_fd())?;
        Ok(OwnedFd::from_raw_fd(descriptor).into())
    }
}
