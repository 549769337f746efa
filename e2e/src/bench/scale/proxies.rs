//! Many node proxies in one process: the discovery client of karez-link, for each one, with a sink that notes when it is told of a
//! change and keeps nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use karez_api::discovery::Resource;
use karez_link::controller::{ControllerClient, LearnedRoots, Settings};
use karez_link::discovery::{self, Kind, Sink, Store, Synced};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Proxies whose first response, which holds the whole mesh, may be on its way.
const CONNECT_AT_ONCE: usize = 8;
const CONNECT_LIMIT: Duration = Duration::from_secs(120);

/// Proxies that are connected. They end when this is dropped.
#[derive(Debug)]
pub struct Proxies {
    /// Taken when it is dropped.
    runtime: Option<Runtime>,
    count: u32,
    is_measuring: Arc<AtomicBool>,
    told: Sender<Arrival>,
    arrivals: Receiver<Arrival>,
}

/// A proxy was told of a workload.
#[derive(Debug)]
pub struct Arrival {
    /// The workload.
    pub resource: String,
    /// When.
    pub at: Instant,
}

impl Proxies {
    /// Nobody yet.
    ///
    /// # Errors
    /// When no threads can be had.
    pub fn new() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (told, arrivals) = channel();
        Ok(Self { runtime: Some(runtime), count: 0, is_measuring: Arc::default(), told, arrivals })
    }

    /// How many are connected.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Connects more, until there are so many and each has been told the whole mesh. `settings` are those of a proxy by its number.
    ///
    /// # Errors
    /// When one is not served in time.
    pub fn connect(&mut self, count: u32, settings: impl Fn(u32) -> Settings) -> Result<()> {
        let runtime = self.runtime.as_ref().context("the proxies have ended")?;
        let new: Vec<u32> = (self.count..count).collect();
        for numbers in new.chunks(CONNECT_AT_ONCE) {
            let begun = numbers.iter().map(|number| Ok((number, self.begin(runtime, settings(*number))?)));
            for (number, mut synced) in begun.collect::<Result<Vec<_>>>()? {
                let complete = synced.wait_for(|synced| *synced == Synced::Complete);
                let complete =
                    runtime.block_on(async { tokio::time::timeout(CONNECT_LIMIT, complete).await });
                complete.with_context(|| {
                    format!(
                        "proxy {number} was not served within {CONNECT_LIMIT:?}: see the controller's log"
                    )
                })??;
            }
            self.count += u32::try_from(numbers.len())?;
        }
        Ok(())
    }

    fn begin(&self, runtime: &Runtime, settings: Settings) -> Result<watch::Receiver<Synced>> {
        // A client connects in the runtime that it is made in.
        let _inside = runtime.enter();
        let client = ControllerClient::new(settings, LearnedRoots::none())?;
        let sink = ArrivalSink { is_measuring: Arc::clone(&self.is_measuring), told: self.told.clone() };
        let (store, synced, _status) = Store::of(sink);
        runtime.spawn(discovery::run(client, store));
        Ok(synced)
    }

    /// Notes arrivals from now on, and what came before no longer.
    pub fn begin_measuring(&self) {
        self.arrivals.try_iter().for_each(drop);
        self.is_measuring.store(true, Ordering::Release);
    }

    /// Waits for so many arrivals since then.
    ///
    /// # Errors
    /// When they do not come within `limit`.
    pub fn end_measuring(&self, count: usize, limit: Duration) -> Result<Vec<Arrival>> {
        let deadline = Instant::now() + limit;
        let mut arrived = Vec::with_capacity(count);
        while arrived.len() < count {
            match self.arrivals.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(arrival) => arrived.push(arrival),
                Err(RecvTimeoutError::Timeout) => {
                    bail!("{} of {count} arrivals within {limit:?} of the last change", arrived.len())
                }
                Err(RecvTimeoutError::Disconnected) => bail!("the proxies have ended"),
            }
        }
        self.is_measuring.store(false, Ordering::Release);
        Ok(arrived)
    }
}

impl Drop for Proxies {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

/// Notes what a proxy is told, and keeps nothing.
#[derive(Debug)]
struct ArrivalSink {
    is_measuring: Arc<AtomicBool>,
    told: Sender<Arrival>,
}

impl Sink for ArrivalSink {
    type Kind = Kind;

    fn update(&mut self, kind: Kind, resource: Resource) -> Result<(), String> {
        if kind == Kind::Address && self.is_measuring.load(Ordering::Acquire) {
            // Nobody listens while the bench ends.
            let _ = self.told.send(Arrival { resource: resource.name, at: Instant::now() });
        }
        Ok(())
    }

    fn remove(&mut self, _: Kind, _: String) -> Result<(), String> {
        Ok(())
    }

    fn publish(&self) {}
}
