//! DNS for a Pod: answers the mesh's names, and forwards all other queries.
//!
//! * [`mod@answer`] – decides a query: pure
//! * [`message`] – reads and writes a message's header and question: pure
//! * [`resolver`] – one Pod's names and limits
//! * [`udp`], [`tcp`] – the loops around them, over a few traits for the sockets
//! * [`counters`] – counts queries
//!
//! A forwarded query goes to the server that the application asked. Query and answer pass unchanged, byte for byte.

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
