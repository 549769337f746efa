//! One data-plane thread's series by their labels.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::access_log::AccessLog;
use crate::endpoint::Flow;
use crate::labels::Labels;
use crate::record::FlowRecord;
use crate::series::{Register, Series};

/// Idle time after which a label set is released.
const IDLE: Duration = Duration::from_secs(60 * 60);
/// How often a worker looks for idle label sets.
const SWEEP: Duration = Duration::from_secs(60);

/// One thread's telemetry. Cheap to clone, and stays on its thread.
#[derive(Debug, Clone)]
pub struct Worker {
    own: Rc<Own>,
}

#[derive(Debug)]
struct Own {
    register: Arc<Register>,
    log: AccessLog,
    series: RefCell<HashMap<Labels, Cached>>,
    swept: Cell<Instant>,
}

#[derive(Debug)]
struct Cached {
    series: Rc<Series>,
    used: Instant,
}

impl Worker {
    pub(crate) fn new(register: Arc<Register>, log: AccessLog) -> Self {
        let own = Own { register, log, series: RefCell::default(), swept: Cell::new(Instant::now()) };
        Self { own: Rc::new(own) }
    }

    /// Begins a connection's record. Facts learnt later go through [`FlowRecord::flow_mut`].
    #[must_use = "a record that is dropped is one of a connection that was closed"]
    pub fn open(&self, flow: Flow) -> FlowRecord {
        FlowRecord::new(self.clone(), flow)
    }

    /// Releases label sets without a connection for an hour.
    fn retire_idle(&self, now: Instant) {
        self.own.swept.set(now);
        self.own.series.borrow_mut().retain(|_, cached| {
            let in_use = Rc::strong_count(&cached.series) > 1;
            in_use || now.saturating_duration_since(cached.used) < IDLE
        });
    }

    pub(crate) fn log(&self) -> &AccessLog {
        &self.own.log
    }

    /// The counters of a connection's labels. `flow` then shares the labels' parts with other connections.
    pub(crate) fn series(&self, flow: &mut Flow, now: Instant) -> Rc<Series> {
        if now.saturating_duration_since(self.own.swept.get()) >= SWEEP {
            self.retire_idle(now);
        }
        let labels = Labels::of(flow);
        let mut cache = self.own.series.borrow_mut();
        if let Some(series) = cached(&mut cache, &labels, now) {
            series.labels().lend(flow);
            return series;
        }
        if let Some(series) = self.own.register.series(&labels) {
            return cache_it(&mut cache, labels, series, now);
        }
        let labels = labels.without_peers();
        match cached(&mut cache, &labels, now) {
            Some(series) => series,
            None => {
                let series = self.own.register.series_without_peers(&labels);
                cache_it(&mut cache, labels, series, now)
            }
        }
    }
}

fn cached(cache: &mut HashMap<Labels, Cached>, labels: &Labels, now: Instant) -> Option<Rc<Series>> {
    let cached = cache.get_mut(labels)?;
    cached.used = now;
    Some(Rc::clone(&cached.series))
}

fn cache_it(cache: &mut HashMap<Labels, Cached>, labels: Labels, series: Series, now: Instant) -> Rc<Series> {
    let series = Rc::new(series);
    cache.insert(labels, Cached { series: Rc::clone(&series), used: now });
    series
}

#[cfg(test)]
mod tests;
