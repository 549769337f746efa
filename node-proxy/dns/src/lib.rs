//! DNS for a Pod: answers the mesh's names, and forwards all other queries.
//!
//! * [`mod@answer`] – decides a query; pure
//! * [`message`] – reads and writes a message's header and question; pure
//! * [`resolver`] – one Pod's names and limits
//! * [`udp`], [`tcp`] – serving loops, over traits for the sockets
//! * [`counters`] – counts queries
//!
//! A forwarded query goes to the server that the application asked. Query and answer pass unchanged.

pub mod answer;
pub mod counters;
pub mod message;
pub mod resolver;
pub mod tcp;
pub mod udp;

use std::pin::Pin;

pub use answer::{Decision, Transport, answer};
pub use counters::Counters;
pub use resolver::{Lookup, Resolver};

/// Serves one query or connection; the caller runs it. It ends by itself: a connection with its client, or when idle
/// for long.
pub type Task = Pin<Box<dyn Future<Output = ()>>>;
