//! The user namespace that owns a namespace.

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

/// The user namespace that owns `namespace`.
pub(super) fn owner_of(namespace: &File) -> io::Result<NamespaceId> {
    NamespaceId::of(&owner(namespace)?)
}

fn owner(namespace: &File) -> Result<File, Errno> {
    #[allow(unsafe_code, reason = "nix knows no safe form of this ioctl")]
    // SAFETY: the call takes no argument, and returns a new descriptor that nobody else owns.
    unsafe {
        let descriptor = ioctl::owning_users(namespace.as_raw_fd())?;
        Ok(OwnedFd::from_raw_fd(descriptor).into())
    }
}
