//! HBONE: TCP connections carried as HTTP/2 CONNECT streams. Client, server, pool and copy loop.
//!
//! Generic over the bytes below (TLS is the caller's), made for one single-threaded runtime a core: nothing here needs
//! to be `Send` but the [`window::Budget`], which is the whole process's.
//!
//! * [`settings`] – settings of an HTTP/2 connection
//! * [`client`], [`server`] – the two ends of a connection; [`stream`] – one CONNECT stream of either
//! * [`pool`] – connections kept and shared by key
//! * [`copy`] – bytes between an application's socket and a stream, or between two sockets
//! * [`window`] – limits on unread bytes, and the growth of flow-control windows
//! * [`deadline_future`] – ends a busy task some day, and is not polled for each message
//! * [`buffers`], [`read_ahead`] – a worker's own buffers, and big reads below TLS
//! * [`headers`] – headers of a CONNECT: `forwarded`, `baggage`, `traceparent`, and the authority
//!
//! Two invariants. However many streams of a connection are stalled, the others go on at full speed: the connection's
//! window covers all streams that the peer may open. And unread bytes are bounded, for the process and for each Pod.

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
mod keepalive;
mod metered;
mod upkeep;
mod write_behind;

pub use connection::ConnectionError;
pub use stream::{Stream, StreamError};
