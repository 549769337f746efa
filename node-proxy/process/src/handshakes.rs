//! Limits the process's clients that have not proven their identity yet.
//!
//! Anybody can be such a client, and each costs memory and a descriptor. When there are too many, the source with the
//! most loses its oldest. A handshake takes milliseconds, so a fast host displaces its own clients, and silent clients
//! displace each other.
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

/// Limits the unproven clients of all threads.
#[derive(Debug)]
pub struct HandshakeLimiter {
    limit: usize,
    /// Displaced clients that may still hold their descriptors.
    leaving_limit: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sources: Sources,
    displace: HashMap<Client, oneshot::Sender<()>>,
    /// Displaced clients that are not dropped yet.
    leaving: usize,
}

/// Allows one unproven client until dropped. As a future it is ready once the client must give way.
#[derive(Debug)]
pub struct HandshakePermit {
    client: Client,
    limiter: Arc<HandshakeLimiter>,
    /// None once the client was displaced.
    staying: Option<oneshot::Receiver<()>>,
}

impl HandshakeLimiter {
    /// Allows `descriptors` of them, at least one. A ninth is for displaced clients whose tasks have not run yet.
    #[must_use]
    pub fn new(descriptors: usize) -> Arc<Self> {
        let leaving = descriptors / 9;
        let limit = (descriptors - leaving).max(1);
        Arc::new(Self { limit, leaving_limit: leaving.max(1), state: Mutex::default() })
    }

    /// Admits a client from `address`. Beyond the limit, the source with the most loses its oldest client. None while
    /// too many displaced clients still hold their descriptors.
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
            // Without a receiver the client has already left.
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
        // The state is consistent at every point under the lock.
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
            // The sender is dropped only after use.
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
