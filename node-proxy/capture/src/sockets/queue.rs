//! The send queue of a socket.

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

/// Bytes written to a TCP socket that its peer has not acknowledged (`SIOCOUTQ`, tcp(7)). A FIN counts as one.
///
/// # Errors
/// When it is no socket, or a listening one.
pub fn unacknowledged(socket: impl AsFd) -> io::Result<usize> {
    let mut bytes = 0;
    #[allow(unsafe_code, reason = "nix knows no safe form of this ioctl")]
    // SAFETY: the descriptor is borrowed for the call, which writes one c_int to the reference's target.
    unsafe {
        ioctl::unacknowledged(socket.as_fd().as_raw_fd(), &raw mut bytes)?;
    }
    Ok(usize::try_from(bytes).unwrap_or(0))
}
