//! How the descriptors that the process may open are shared out among what it does.

use std::num::NonZeroUsize;

use karez_dns::resolver;

/// Strangers of one Pod at a time, at most: each costs memory before it has proven anything.
const MOST_STRANGERS: usize = 1024;
/// And one for so many connections that the Pod may have.
const CONNECTIONS_A_STRANGER: usize = 4;

/// Each part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shares {
    /// For the connections of all Pods together.
    pub(crate) connections: usize,
    /// Clients of one Pod that have yet to prove who they are.
    pub(crate) strangers: usize,
    /// DNS questions of one Pod on one worker.
    pub(crate) questions: resolver::Bounds,
}

impl Shares {
    /// Of `open_files`, where a Pod may have so many connections. Most are for these; the rest is for strangers, tunnels, DNS, the
    /// agent and the controller.
    pub(crate) fn of(open_files: u64, pod_connections: NonZeroUsize) -> Self {
        let open_files = usize::try_from(open_files).unwrap_or(usize::MAX);
        let strangers = pod_connections.get().div_ceil(CONNECTIONS_A_STRANGER).min(open_files / 64);
        let usual = resolver::Bounds::default();
        Self {
            connections: open_files / 8 * 7,
            strangers: strangers.clamp(1, MOST_STRANGERS),
            questions: resolver::Bounds {
                forwarded: usual.forwarded.min(open_files / 64).max(8),
                connections: usual.connections.min(open_files / 512).max(4),
                ..usual
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_scarce_is_shared_out_and_what_is_plenty_is_bounded() {
        // Open files, connections of a Pod: connections of all, strangers, questions by datagram and by stream.
        for (open_files, pod_connections, shares) in [
            (1_048_576, 20_000, (917_504, 1024, 512, 64)),
            (1_048_576, 40, (917_504, 10, 512, 64)),
            (20_000, 20_000, (17_500, 312, 312, 39)),
            (1_024, 20_000, (896, 16, 16, 4)),
            (1_024, 1, (896, 1, 16, 4)),
            (0, 1, (0, 1, 8, 4)),
            (u64::MAX, usize::MAX, (usize::MAX / 8 * 7, 1024, 512, 64)),
        ] {
            let found = Shares::of(open_files, pod_connections.try_into().unwrap());
            let questions = found.questions;
            let found = (found.connections, found.strangers, questions.forwarded, questions.connections);
            assert_eq!(found, shares, "{open_files} open files");
        }
    }
}
