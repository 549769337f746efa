//! Decides how many sockets to keep, and when to ask for more. Pure, so generic over the socket.

use std::mem;

/// The first order, and the least that a used stock keeps: the agent may be gone at the next use.
const LEAST: usize = 4;
/// The largest order, and the most that is kept: as many as one packet carries.
const MOST: usize = 64;

/// Refills between two trims that show that each brings too little, though the shelf never runs dry.
const MANY: usize = 4;

/// Ready things, and how many of them are worth having.
#[derive(Debug)]
pub(crate) struct Shelf<T> {
    ready: Vec<T>,
    /// How many a refill brings the shelf to.
    target: usize,
    is_filling: bool,
    /// How often it was refilled since the target last changed, or since the last trim.
    refills: usize,
    /// The fewest that were ready since the last trim: so many were not needed.
    spare: usize,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { ready: Vec::new(), target: LEAST, is_filling: false, refills: 0, spare: 0 }
    }
}

impl<T> Shelf<T> {
    /// Takes one if there is one; also says how many to ask for, if it is time to.
    pub(crate) fn take(&mut self) -> (Option<T>, Option<usize>) {
        let taken = self.ready.pop();
        self.spare = self.spare.min(self.ready.len());
        if taken.is_none() && !self.is_filling {
            // It ran dry: it was too small.
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

    /// An order has arrived, in full or in part.
    pub(crate) fn put(&mut self, things: impl IntoIterator<Item = T>) {
        self.is_filling = false;
        self.ready.extend(things.into_iter().take(MOST));
    }

    /// Returns things that were not needed since the last call, but keeps a few.
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

    /// How many are ready.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.ready.len()
    }
}

#[cfg(test)]
mod tests;
