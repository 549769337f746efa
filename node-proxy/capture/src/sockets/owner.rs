//! The user that the sockets belong to.

use nix::unistd::{Uid, setfsuid};

use super::SocketError;
use crate::netns::NetworkNamespace;

/// Not a uid: makes `setfsuid` change nothing and tell the present one (setfsuid(2)).
const READ: u32 = u32::MAX;

/// Does `work` in `namespace`, with `uid` as the owner of the sockets that it opens. None changes nothing.
///
/// # Errors
/// When it cannot be, or would not be known by it there; those of `work`.
pub(super) fn run_as<R: Send>(
    uid: Option<u32>,
    namespace: &NetworkNamespace,
    work: impl FnOnce() -> Result<R, SocketError> + Send,
) -> Result<R, SocketError> {
    if let Some(uid) = uid
        && !namespace.shares_uids()?
    {
        return Err(SocketError::ForeignUsers { uid, path: namespace.path().to_owned() });
    }
    namespace.run(|| {
        own_as(uid)?;
        work()
    })?
}

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
