//! Accounts of the unread bytes of inbound connections: one for each peer's address, shared by all workers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use karez_tunnel::window::{Account, Budget};

/// The accounts of peers.
#[derive(Debug)]
pub struct Accounts {
    budget: Arc<Budget>,
    by_peer: Mutex<HashMap<IpAddr, Weak<Account>>>,
}

impl Accounts {
    /// No accounts yet. All count against one budget.
    #[must_use]
    pub fn new(budget: Arc<Budget>) -> Self {
        Self { budget, by_peer: Mutex::default() }
    }

    /// The account of the peer with that address. It closes with the peer's last connection.
    #[must_use]
    pub fn of(&self, peer: IpAddr) -> Arc<Account> {
        // The map is consistent at every point under the lock.
        let mut by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = by_peer.get(&peer).and_then(Weak::upgrade) {
            return account;
        }
        // Swept when it would grow, so that the connected peers bound it.
        if by_peer.len() == by_peer.capacity() {
            by_peer.retain(|_, account| account.strong_count() > 0);
        }
        let account = self.budget.account();
        by_peer.insert(peer, Arc::downgrade(&account));
        account
    }
}
