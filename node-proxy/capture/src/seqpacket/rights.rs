//! Takes the descriptors out of a control buffer.
//!
//! It parses the bytes itself, because `nix` returns none for truncated control data. The descriptors that did arrive
//! would stay open for ever, just when the process has run out of them.

use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};

use nix::libc::{SCM_RIGHTS, SOL_SOCKET, c_int};

const WORD: usize = size_of::<usize>();
const NUMBER: usize = size_of::<c_int>();
/// `struct cmsghdr` of `linux/socket.h`: a length that includes the header, a level and a type.
const HEADER: usize = WORD + 2 * NUMBER;

/// Takes the descriptors that `recvmsg` put into `control`, which was zeroed before.
pub(super) fn take(control: &[u8]) -> Vec<OwnedFd> {
    let own = |descriptor: &RawFd| {
        #[allow(unsafe_code, reason = "a received descriptor is a bare number until somebody owns it")]
        // SAFETY: the kernel opened this descriptor for the one recvmsg that filled `control`, and nothing else has
        // seen the number.
        unsafe {
            OwnedFd::from_raw_fd(*descriptor)
        }
    };
    numbers(control).iter().map(own).collect()
}

/// The descriptors' numbers.
fn numbers(mut control: &[u8]) -> Vec<RawFd> {
    let mut numbers = Vec::new();
    while let Some((message, rest)) = next(control) {
        if message.level == SOL_SOCKET && message.kind == SCM_RIGHTS {
            numbers.extend(message.data.chunks_exact(NUMBER).filter_map(number));
        }
        control = rest;
    }
    numbers
}

struct Message<'a> {
    level: c_int,
    kind: c_int,
    data: &'a [u8],
}

/// Splits off the first message of a control buffer.
fn next(control: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let (length, header) = control.split_first_chunk::<WORD>()?;
    let length = usize::from_ne_bytes(*length);
    let level = number(header.get(..NUMBER)?)?;
    let kind = number(header.get(NUMBER..2 * NUMBER)?)?;
    // A length of zero marks the end of the kernel's data.
    let data = control.get(HEADER..length)?;
    let rest = control.get(length.next_multiple_of(WORD)..).unwrap_or_default();
    Some((Message { level, kind, data }, rest))
}

fn number(bytes: &[u8]) -> Option<c_int> {
    bytes.first_chunk().map(|bytes| c_int::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests;
