//! The agent's side: what it offers, and its conversations with node proxies.

pub(crate) mod conversation;
pub mod roster;
pub mod session;
mod shared;

pub use conversation::{Broken, serve, serve_zds};
pub use roster::{Offer, Roster, Standing, Supply, Wish};
pub use shared::SharedRoster;
