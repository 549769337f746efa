//! One connection: decided, joined to its other end, and carried.
//!
//! * [`outbound`] – connections that a Pod dials
//! * [`hbone`] – tunnels that arrive, and the requests in them
//! * [`plaintext`] – connections that arrive without a tunnel
//! * [`admission`] – a connection that asks to be admitted
//! * [`inbound`] – admitting either, and reaching the application
//! * [`carry`] – the bytes, once both ends are connected
//! * [`describe`] – its ends, for log and metrics

pub(crate) mod admission;
pub(crate) mod carry;
pub(crate) mod describe;
pub(crate) mod hbone;
pub(crate) mod inbound;
pub(crate) mod outbound;
pub(crate) mod plaintext;

#[cfg(test)]
mod tests;
