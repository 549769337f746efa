//! The agent's side: the Pods it offers, and its conversations with node proxies.

pub(crate) mod conversation;
pub mod roster;
pub mod session;
mod shared;

use karez_capture::sockets::NotTheListener;

use crate::listener::Listener;
use crate::pod::NamespaceId;

/// Checks that a returned descriptor is the claimed listener, in its Pod's namespace.
pub type Inspect = fn(&Listener, NamespaceId) -> Result<(), NotTheListener>;

pub use conversation::{ConversationError, serve, serve_zds};
pub use roster::{DesiredState, Offer, ProxyStanding, Roster, Supply};
pub use shared::SharedRoster;
