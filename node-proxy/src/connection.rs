//! One connection: how it is decided, joined to its other end, and carried.
//!
//! * [`outbound`] – what a Pod dials
//! * [`hbone`] – tunnels that arrive, and the requests in them
//! * [`plaintext`] – what arrives without a tunnel
//! * [`inbound`] – admitting either, and reaching the application
//! * [`tunnels`] – tunnels that are dialled, pooled
//! * [`dial`] – TCP with sockets of the agent
//! * [`carry`] – bytes, from when both ends are there
//! * [`live`] – every connection that is open, to be asked again and ended
//! * [`describe`] – who its ends are, for log and metrics

pub(crate) mod carry;
pub(crate) mod describe;
pub(crate) mod dial;
pub(crate) mod hbone;
pub(crate) mod inbound;
pub(crate) mod live;
pub(crate) mod outbound;
pub(crate) mod plaintext;
pub(crate) mod tunnels;

#[cfg(test)]
mod tests;
