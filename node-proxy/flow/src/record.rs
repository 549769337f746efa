//! One connection, from accept to end.

use std::rc::Rc;
use std::time::Instant;

use karez_api::outcome::{Closing, Outcome, Refusal};

use crate::access_log::Ended;
use crate::endpoint::Flow;
use crate::series::{Living, Moved, Series};
use crate::worker::Worker;

/// Counts a connection while it lives and writes its line when it ends.
///
/// It ends when it is [finished](Self::finish) or dropped. Dropped without an outcome, it counts as closed by the
/// drain.
#[derive(Debug)]
pub struct FlowRecord {
    worker: Worker,
    flow: Flow,
    begun: Instant,
    /// Set once the connection is established.
    counted: Option<(Rc<Series>, Living)>,
    outcome: Option<Outcome>,
}

impl FlowRecord {
    pub(crate) fn new(worker: Worker, flow: Flow) -> Self {
        Self { worker, flow, begun: Instant::now(), counted: None, outcome: None }
    }

    /// The connection's description so far.
    #[must_use]
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// For facts learnt later. After [`Self::established`] they reach only the log, not the metrics.
    pub fn flow_mut(&mut self) -> &mut Flow {
        &mut self.flow
    }

    /// Counts the connection as opened, by the facts known now: both sides are connected and bytes may move. A second
    /// call changes nothing.
    ///
    /// Each scrape calls `progress` on another thread, and the end calls it once more.
    pub fn established(&mut self, progress: impl Fn() -> Moved + Send + Sync + 'static) {
        if self.counted.is_none() {
            let series = self.worker.series(&mut self.flow, Instant::now());
            let living = series.begin(Box::new(progress));
            self.counted = Some((series, living));
        }
    }

    /// Ends the record.
    pub fn finish(mut self, outcome: impl Into<Outcome>) {
        self.outcome = Some(outcome.into());
    }
}

impl Drop for FlowRecord {
    fn drop(&mut self) {
        let outcome = self.outcome.take().unwrap_or(Outcome::Refused(Refusal::Closing(Closing::Draining)));
        let flag = (outcome != Outcome::Done).then(|| outcome.flag());
        // Istio also counts connections as opened that were never established.
        self.established(Moved::default);
        let counted = self.counted.take();
        let moved = counted.map(|(series, living)| series.end(living, flag)).unwrap_or_default();
        self.worker.log().write(&Ended {
            flow: &self.flow,
            moved,
            duration: self.begun.elapsed(),
            outcome: &outcome,
        });
    }
}

#[cfg(test)]
mod tests;
