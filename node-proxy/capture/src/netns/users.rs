//! The user namespace that a namespace belongs to.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use nix::errno::Errno;

use super::NamespaceId;

mod ioctl {
    nix::ioctl_none!(
        /// `NS_GET_USERNS` of `linux/nsfs.h`.
        owning_users,
        0xb7,
        1
    );
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
