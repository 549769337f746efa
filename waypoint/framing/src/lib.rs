//! Strict inspection of HTTP/1 messages, in front of a parser that is lenient.
//!
//! hyper lets ambiguous heads pass or mends them silently: what it and the next hop read may then differ, which is
//! request smuggling (RFC 9112 section 11.2). So hyper only reads bytes that an inspector has passed. The inspector
//! judges each head as a whole, and follows each body, so that it knows where the next head begins.
//!
//! * [`request`], [`response`] – the inspectors of the two directions: pure state machines over bytes
//! * [`inspector`] – what both have in common
//! * [`malformed`] – why a message is refused, and with which status
//! * [`inspected`] – I/O that is read through an inspector
//! * `head` – a head's end, its lines, and the fields that decide framing and routing
//! * `authority` – `Host` and the authority of a target
//! * `body` – a body's end: by length, by chunks, or by the end of the connection
//!
//! Three rules hold. A byte of a head passes only after the whole head was found unambiguous. The split of the bytes
//! into reads changes no verdict. And what passes, hyper accepts as the same messages.

pub mod inspected;
pub mod inspector;
pub mod malformed;
pub mod request;
pub mod response;

mod authority;
mod body;
mod head;

pub use inspected::{Inspected, RequestHandle, ResponseHandle};
pub use inspector::{Inspector, Verdict};
pub use malformed::{Malformed, Message, Reason};
pub use request::{RequestFacts, RequestInspector, Upgrade};
pub use response::ResponseInspector;

/// Longest head, in bytes: start line, fields and the empty line.
pub const MAX_HEAD: usize = 64 * 1024;
/// Most field lines of a head, and of a trailer section. hyper needs it as its `max_headers`.
pub const MAX_HEADERS: usize = 256;
/// Longest trailer section, in bytes. hyper reads no longer one.
pub const MAX_TRAILERS: usize = 16 * 1024 - 1;
