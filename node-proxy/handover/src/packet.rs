//! The unit of SOCK_SEQPACKET: bytes with descriptors.

use std::os::fd::OwnedFd;
use std::sync::Arc;

/// One packet. Sending duplicates its descriptors; their last holder closes them here.
#[derive(Debug, Clone, Default)]
pub struct Packet {
    /// One encoded message.
    pub bytes: Vec<u8>,
    /// The message's descriptors, in its order.
    pub descriptors: Vec<Arc<OwnedFd>>,
}

/// Cuts a list into parts of at most `most`, each with whether another follows. An empty list is one empty part.
pub(crate) fn parts<T>(list: &[T], most: usize) -> impl Iterator<Item = (&[T], bool)> {
    let last = list.len().div_ceil(most).saturating_sub(1);
    (0..=last).map(move |part| {
        let from = part * most;
        let to = list.len().min(from + most);
        (list.get(from..to).unwrap_or_default(), part < last)
    })
}

#[cfg(test)]
mod tests;
