//! HBONE: TCP connections carried as HTTP/2 CONNECT streams. Client, server, pool and copy loop.
//!
//! Generic over the transport (TLS is the caller's), and made for one single-threaded runtime a core. Only
//! [`window::Budget`], which the process shares, must be `Send`.
//!
//! * [`settings`] – settings of an HTTP/2 connection
//! * [`client`], [`server`] – the two ends of a connection; [`stream`] – one CONNECT stream of either end
//! * [`pool`] – connections kept and shared by key
//! * [`copy`] – copies bytes between a socket and a stream, or between two sockets
//! * [`window`] – limits on unread bytes, and the growth of flow-control windows
//! * [`deadline_future`] – a future that ends a busy task, polled only after its own wake
//! * [`buffers`], [`read_ahead`] – a worker's buffers, and large reads below TLS
//! * [`headers`] – headers of a CONNECT: `forwarded`, `baggage`, `traceparent`, and the authority
//!
//! Two invariants hold. Stalled streams of a connection, however many, do not slow the others: the connection's window
//! covers all streams that the peer may open. And unread bytes are bounded, for the process and for each Pod.

pub mod buffers;
pub mod client;
pub mod copy;
pub mod deadline_future;
pub mod headers;
pub mod pool;
pub mod read_ahead;
pub mod server;
pub mod settings;
pub mod stream;
pub mod window;

mod connection;
mod error;
mod keepalive;
mod metered;
mod upkeep;
mod write_behind;

pub use connection::ConnectionError;
pub use error::{ProtocolError, ResetReason};
pub use stream::{Stream, StreamError};
