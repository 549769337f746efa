//! Packet marks, which tell the mesh's packets from the application's. The low twelve bits give a packet's kind. Above
//! them a Pod's mark holds a secret, because CAP_NET_RAW allows any known mark.

use std::fmt;

/// The compared bits of a packet's mark.
pub const MASK: u32 = 0xfff;

/// The lowest bit of a Pod's secret.
const SECRET_SHIFT: u32 = MASK.count_ones();

/// Low bits of a proxy's packets into the network, which are never captured again. A ztunnel's sockets have nothing
/// above them.
pub const OUTBOUND: Mark = Mark(0x539);

/// Packets that stay in the Pod despite their address: connections to the application under the client's address, and
/// captured DNS. Table 15008 routes them to loopback. They are not tracked, and dropped at any other interface.
pub const LOCAL: Mark = Mark(0x111);

/// The node proxy's answers to captured DNS queries: [`LOCAL`] and one bit above it.
pub const DNS_REPLY: Mark = Mark(0x1111);

/// A value of `SO_MARK`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(pub u32);

/// The mark of one Pod's mesh sockets: [`OUTBOUND`] below a secret of twenty bits. The rules clear it before a socket
/// of the Pod or a tap on the device can see it, and lock out guesses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PodMark(u32);

impl PodMark {
    /// Takes the secret from `random`. The secret is never empty.
    #[must_use]
    pub fn new(random: u32) -> Self {
        let secret = random & !MASK;
        // Zero would be a ztunnel's mark, which is public.
        Self(if secret == 0 { 1 << SECRET_SHIFT } else { secret } | OUTBOUND.0)
    }

    /// The value for `SO_MARK`.
    #[must_use]
    pub fn mark(self) -> Mark {
        Mark(self.0)
    }
}

impl fmt::Debug for PodMark {
    /// Omits the secret, which belongs in no log.
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
