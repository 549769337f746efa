//! Bounds the clients that have yet to prove who they are, for the whole process.
//!
//! Anybody can be such a client, and each costs memory and a descriptor. When there are too many, the source with most of them
//! loses its oldest. A handshake takes milliseconds: a fast host displaces itself, and a silent client the silent ones.
//!
//! * `sources` – which client gives way; pure

mod sources;

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;

use sources::{Client, Sources};

/// Bounds the unproven clients of all threads.
#[derive(Debug)]
pub struct HandshakeLimiter {
    limit: usize,
    /// Limit of displaced clients that still hold their descriptors.
    leaving_limit: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sources: Sources,
    displace: HashMap<Client, oneshot::Sender<()>>,
    /// Displaced, and not dropped yet.
    leaving: usize,
}

/// Lets one client be unproven until dropped. As a future it is ready once the client has to give way.
#[derive(Debug)]
pub struct HandshakePermit {
    client: Client,
    limiter: Arc<HandshakeLimiter>,
    /// None once the client was displaced.
    staying: Option<oneshot::Receiver<()>>,
}

impl HandshakeLimiter {
    /// Allows so many descriptors, at least one. A ninth of them is for displaced clients whose tasks have not run yet.
    #[must_use]
    pub fn new(descriptors: usize) -> Arc<Self> {
        let leaving = descriptors / 9;
        let limit = (descriptors - leaving).max(1);
        Arc::new(Self { limit, leaving_limit: leaving.max(1), state: Mutex::default() })
    }

    /// Takes in a client from `address`. If there are too many then, one of the source with most gives way. None while too many
    /// displaced clients still hold their descriptors.
    #[must_use]
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Option<HandshakePermit> {
        let (displace, displaced) = oneshot::channel();
        let mut state = self.lock();
        if state.sources.len() >= self.limit && state.leaving >= self.leaving_limit {
            return None;
        }
        let client = state.sources.register(address);
        let gives_way = (state.sources.len() > self.limit).then(|| state.displace_one()).flatten();
        state.displace.insert(client, displace);
        drop(state);
        if let Some(gives_way) = gives_way {
            // A receiver that is gone has left by itself.
            let _ = gives_way.send(());
        }
        Some(HandshakePermit { client, limiter: Arc::clone(self), staying: Some(displaced) })
    }

    /// Clients that are unproven now.
    #[must_use]
    pub fn unproven(&self) -> usize {
        self.lock().sources.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can leave it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn displace_one(&mut self) -> Option<oneshot::Sender<()>> {
        let client = self.sources.displace()?;
        self.leaving += 1;
        self.displace.remove(&client)
    }

    fn leave(&mut self, client: Client) {
        if self.sources.leave(client) {
            self.displace.remove(&client);
        } else {
            self.leaving -= 1;
        }
    }
}

impl Future for HandshakePermit {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let Some(staying) = &mut self.staying {
            // The sender goes only when it is used.
            let _ = ready!(Pin::new(staying).poll(context));
            self.staying = None;
        }
        Poll::Ready(())
    }
}

impl Drop for HandshakePermit {
    fn drop(&mut self) {
        self.limiter.lock().leave(self.client);
    }
}

#[cfg(test)]
mod tests;
