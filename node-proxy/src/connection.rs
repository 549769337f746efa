//! One connection: how it is decided, joined to its other end, and carried.
//!
//! * [`outbound`] – what a Pod dials
//! * [`hbone`] – tunnels that arrive, and the requests in them
//! * [`plaintext`] – what arrives without a tunnel
//! * [`admission`] – what is asked for when one arrives
//! * [`inbound`] – admitting either, and reaching the application
//! * [`carry`] – bytes, from when both ends are there
//! * [`describe`] – who its ends are, for log and metrics

pub(crate) mod admission;
pub(crate) mod carry;
pub(crate) mod describe;
pub(crate) mod hbone;
pub(crate) mod inbound;
pub(crate) mod outbound;
pub(crate) mod plaintext;

#[cfg(test)]
mod tests;
