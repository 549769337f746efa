//! The packet marks that tell the mesh's own packets from the application's. The low twelve bits are ours.

use std::fmt;

/// Bits of a packet's mark that are compared.
pub const MASK: u32 = 0xfff;

/// On what the node proxy sends into the network: never captured again.
pub const OUTBOUND: Mark = Mark(0x539);

/// On what stays in the Pod though an address says otherwise: connections to the application that carry the client's
/// address, and captured DNS. It is routed to loopback by table 100, not tracked, and dropped at any other interface.
pub const LOCAL: Mark = Mark(0x111);

/// On the node proxy's answers to captured DNS queries: [`LOCAL`], with one bit above it.
pub const DNS_REPLY: Mark = Mark(0x1111);

/// A value of `SO_MARK`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(pub u32);

impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#x}", self.0)
    }
}
