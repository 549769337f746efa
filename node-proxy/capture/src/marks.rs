//! The packet marks that tell the mesh's own packets from the application's. The low twelve bits say what a packet is; above
//! them a Pod's own mark has a secret, because whoever has CAP_NET_RAW can set any mark that it knows.

use std::fmt;

/// Bits of a packet's mark that are compared.
pub const MASK: u32 = 0xfff;

/// Where a Pod's secret begins.
const SECRET_SHIFT: u32 = MASK.count_ones();

/// Low bits of what a proxy sends into the network, which is never captured again. A ztunnel's sockets have this and nothing
/// above it.
pub const OUTBOUND: Mark = Mark(0x539);

/// On what stays in the Pod though an address says otherwise: connections to the application that carry the client's
/// address, and captured DNS. It is routed to loopback by table 15008, not tracked, and dropped at any other interface.
pub const LOCAL: Mark = Mark(0x111);

/// On the node proxy's answers to captured DNS queries: [`LOCAL`], with one bit above it.
pub const DNS_REPLY: Mark = Mark(0x1111);

/// A value of `SO_MARK`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(pub u32);

/// The mark of one Pod's mesh sockets: [`OUTBOUND`] below a secret of twenty bits. The rules clear it before a
/// packet can be seen by a socket of the Pod or a tap of the device that it leaves by, and lock out whoever guesses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PodMark(u32);

impl PodMark {
    /// With a secret taken from `random`; never without one.
    #[must_use]
    pub fn new(random: u32) -> Self {
        let secret = random & !MASK;
        // Zero would be a ztunnel's mark, which everybody knows.
        Self(if secret == 0 { 1 << SECRET_SHIFT } else { secret } | OUTBOUND.0)
    }

    /// The value for `SO_MARK`.
    #[must_use]
    pub fn mark(self) -> Mark {
        Mark(self.0)
    }
}

impl fmt::Debug for PodMark {
    /// Without the secret, which belongs in no log.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PodMark(..)")
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#x}", self.0)
    }
}

#[cfg(test)]
mod tests;
