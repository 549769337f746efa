//! What lies in a socket.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _};

use nix::libc;

mod ioctl {
    nix::ioctl_read_bad!(
        /// `SIOCOUTQ` of `linux/sockios.h`, by its other name.
        unacknowledged,
        super::libc::TIOCOUTQ,
        super::libc::c_int
    );
}

/// Bytes that were written to a TCP socket and not acknowledged by its peer (`SIOCOUTQ`, tcp(7)); a FIN counts as one.
///
/// # Errors
/// When it is no socket, or one that listens.
pub fn unacknowledged(socket: impl AsFd) -> io::Result<usize> {
    let mut bytes = 0;
    #[allow(unsafe_code, reason = "nix knows no safe form of this ioctl")]
    // SAFETY: the descriptor is borrowed for the call, which writes one c_int to where the reference points.
    unsafe {
        ioctl::unacknowledged(socket.as_fd().as_raw_fd(), &raw mut bytes)?;
    }
    Ok(usize::try_from(bytes).unwrap_or(0))
}
