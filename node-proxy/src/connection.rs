//! One connection: planned, joined to its other end, and carried.
//!
//! * [`outbound`] – connections that a Pod dials
//! * [`hbone`] – inbound tunnels, and the requests in them
//! * [`plaintext`] – inbound connections without a tunnel
//! * [`capture_wait`] – how long an outbound one waits for a Pod that is about to be captured
//! * [`inbound`] – admits either kind, and connects to the application
//! * [`carry`] – copies the bytes, once both ends are connected

pub(crate) mod capture_wait;
pub(crate) mod carry;
pub(crate) mod hbone;
pub(crate) mod inbound;
pub(crate) mod outbound;
pub(crate) mod plaintext;

#[cfg(test)]
mod tests;
