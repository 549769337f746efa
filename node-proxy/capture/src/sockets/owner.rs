//! The user that the sockets belong to.

use nix::unistd::{Uid, setfsuid};

use super::SocketError;

/// Not a uid: makes `setfsuid` change nothing and tell the present one (setfsuid(2)).
const READ: u32 = u32::MAX;

/// Makes `uid` the owner of every file and socket that this thread creates from now on. The thread is to be one that ends
/// with its work. None changes nothing.
///
/// # Errors
/// When the process may not, which the kernel does not say by itself: the uid is read back.
pub(super) fn own_as(uid: Option<u32>) -> Result<(), SocketError> {
    let Some(uid) = uid else { return Ok(()) };
    setfsuid(Uid::from_raw(uid));
    if setfsuid(Uid::from_raw(READ)).as_raw() == uid { Ok(()) } else { Err(SocketError::Owner { uid }) }
}
