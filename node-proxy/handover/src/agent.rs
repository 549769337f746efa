//! The agent's side: what it offers, and its conversations with node proxies.

pub(crate) mod conversation;
pub mod roster;
pub mod session;
mod shared;

use karez_capture::sockets::NotTheListener;

use crate::listener::Listener;
use crate::pod::NamespaceId;

/// Says whether a descriptor is the listener that it is given back as, in the namespace of its Pod.
pub type Inspect = fn(&Listener, NamespaceId) -> Result<(), NotTheListener>;

pub use conversation::{ConversationError, serve, serve_zds};
pub use roster::{Offer, ProxyStanding, Roster, Supply, Wish};
pub use shared::SharedRoster;
