//! Decides how many sockets to keep, and when to request more. Pure, so generic over the socket.

use std::mem;

/// The first batch, and the least that a used stock keeps: the agent may be gone at the next use.
const LEAST: usize = 4;
/// The largest batch, and the most kept: one packet carries no more.
const MOST: usize = 64;

/// Refills between two trims that show that the batches are too small, although the pool never runs dry.
const MANY: usize = 4;

/// Ready sockets, and the number worth keeping.
#[derive(Debug)]
pub(crate) struct ReadyPool<T> {
    ready: Vec<T>,
    /// The number of sockets after a refill.
    target: usize,
    is_filling: bool,
    /// Refills since the target last changed, or since the last trim.
    refills: usize,
    /// The fewest ready sockets since the last trim: nobody needed that many.
    spare: usize,
}

impl<T> Default for ReadyPool<T> {
    fn default() -> Self {
        Self { ready: Vec::new(), target: LEAST, is_filling: false, refills: 0, spare: 0 }
    }
}

impl<T> ReadyPool<T> {
    /// Takes a socket, if there is one. Also returns how many to request, if it is time.
    pub(crate) fn take(&mut self) -> (Option<T>, Option<usize>) {
        let taken = self.ready.pop();
        self.spare = self.spare.min(self.ready.len());
        if taken.is_none() && !self.is_filling {
            // It ran dry, so it was too small.
            self.grow();
        }
        let low = self.ready.len() <= self.target / 4;
        if !low || self.is_filling {
            return (taken, None);
        }
        self.is_filling = true;
        self.refills += 1;
        if self.refills > MANY {
            self.grow();
        }
        (taken, Some(self.target - self.ready.len()))
    }

    fn grow(&mut self) {
        self.target = (self.target * 2).min(MOST);
        self.refills = 0;
    }

    /// Adds a batch, complete or not.
    pub(crate) fn put(&mut self, things: impl IntoIterator<Item = T>) {
        self.is_filling = false;
        self.ready.extend(things.into_iter().take(MOST));
    }

    /// Returns sockets that nobody needed since the last call, but keeps a few.
    pub(crate) fn trim(&mut self) -> Vec<T> {
        self.refills = 0;
        let spare = mem::replace(&mut self.spare, self.ready.len()).min(self.ready.len());
        if spare == self.ready.len() && spare > 0 {
            self.target = (self.target / 2).max(LEAST);
        }
        let surplus = self.ready.drain(..spare.min(self.ready.len().saturating_sub(LEAST))).collect();
        self.spare = self.ready.len();
        surplus
    }

    /// Ready sockets.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.ready.len()
    }
}

#[cfg(test)]
mod tests;
