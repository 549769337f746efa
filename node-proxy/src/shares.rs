//! Divides the process's descriptors among connections, handshakes and queries.

use karez_dns::resolver;

/// Limit of clients that have not proven their identity yet: each may hold 60 KiB.
const UNPROVEN_LIMIT: usize = 2048;

/// The parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shares {
    /// For the connections of all Pods together.
    pub(crate) connections: usize,
    /// For clients of all Pods that have not proven their identity yet.
    pub(crate) handshakes: usize,
    /// DNS queries of one Pod on one worker.
    pub(crate) dns_limits: resolver::ResolverLimits,
}

impl Shares {
    /// Divides `open_files`: seven eighths for connections, a sixteenth for handshakes. The rest is for the agent and
    /// the controller, DNS and tunnels.
    pub(crate) fn of(open_files: u64) -> Self {
        let open_files = usize::try_from(open_files).unwrap_or(usize::MAX);
        let usual = resolver::ResolverLimits::default();
        Self {
            connections: open_files / 8 * 7,
            handshakes: (open_files / 16).clamp(1, UNPROVEN_LIMIT),
            dns_limits: resolver::ResolverLimits {
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
        // Open files: all connections, all handshakes, DNS queries by UDP and by TCP.
        for (open_files, shares) in [
            (1_048_576, (917_504, 2048, 512, 64)),
            (20_000, (17_500, 1250, 312, 39)),
            (1_024, (896, 64, 16, 4)),
            (0, (0, 1, 8, 4)),
            (u64::MAX, (usize::MAX / 8 * 7, 2048, 512, 64)),
        ] {
            let found = Shares::of(open_files);
            let dns = found.dns_limits;
            let found = (found.connections, found.handshakes, dns.forwarded, dns.connections);
            assert_eq!(found, shares, "{open_files} open files");
        }
    }
}
