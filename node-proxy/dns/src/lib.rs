//! The mesh's names answered, all else forwarded.
//!
//! * [`mod@answer`] – what becomes of a query: pure
//! * [`message`] – the little that is read and written of a message by hand: pure
//! * [`resolver`] – one Pod's: what names mean to it, and its bounds
//! * [`udp`], [`tcp`] – the loops around them, over a few traits for the sockets
//! * [`counters`] – how many
//!
//! What is forwarded goes to the server that the application asked, byte for byte, and so does the way back.

pub mod answer;
pub mod counters;
pub mod message;
pub mod resolver;
pub mod tcp;
pub mod udp;

use std::pin::Pin;

pub use answer::{Decision, Transport, answer};
pub use counters::Counters;
pub use resolver::{Names, Resolver};

/// What is served once, a query or a connection, beside the listener that it came by: run by the caller. It ends by itself, the
/// connection with its client, or when it is idle for long.
pub type Task = Pin<Box<dyn Future<Output = ()>>>;
