//! The delta discovery service.
//!
//! * [`subscription`] – pure: what one client has of one type, and what to send it next
//! * [`batch`] – pure: changes cut into responses of bounded size
//! * [`visibility`] – pure: what of the catalog a caller may see
//! * [`conversation`] – pure: one stream, all its types
//! * [`service`] – the gRPC shell around it

mod batch;
mod conversation;
mod service;
mod subscription;
mod visibility;

pub use conversation::{Conversation, Violation};
pub use service::Discovery;
pub use visibility::Visibility;
