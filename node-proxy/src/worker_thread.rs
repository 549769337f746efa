//! A worker's thread: adjusts to its assignment, and follows the mesh.
//!
//! * `accept` – accepts from one listener

mod accept;

use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use karez_api::outcome::Closing;
use karez_mesh::Mesh;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;

use crate::assignment::{ListenerId, WorkerAssignment};
use crate::share::Share;
use crate::worker::{Load, SharedWorker, Worker, WorkerConfig};

/// How often a worker frees spare memory, and publishes its load.
const MAINTENANCE: Duration = Duration::from_secs(1);

/// A running worker.
#[derive(Debug)]
pub(crate) struct Thread {
    handle: JoinHandle<()>,
}

/// Starts the worker number `index`.
///
/// # Errors
/// When the system cannot start a thread or runtime.
pub(crate) fn start(index: usize, config: WorkerConfig) -> io::Result<Thread> {
    let (say, said) = mpsc::sync_channel(1);
    let handle = std::thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
        // The runtime cannot leave the thread that builds it.
        match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
            Ok(runtime) => {
                let _ = say.send(Ok(()));
                runtime.block_on(Running::new(config).run());
            }
            Err(error) => {
                let _ = say.send(Err(error));
            }
        }
    })?;
    said.recv().map_err(io::Error::other)??;
    Ok(Thread { handle })
}

impl Thread {
    /// Waits until the worker ends, which it does when the sender of its assignment is gone.
    pub(crate) fn join(self) {
        if self.handle.join().is_err() {
            tracing::error!("a worker panicked");
        }
    }
}

struct Running {
    worker: SharedWorker,
    mesh: watch::Receiver<Arc<Mesh>>,
    assignment: watch::Receiver<Arc<WorkerAssignment>>,
    load: Arc<Load>,
    shares: HashMap<Arc<str>, Rc<Share>>,
    polled: HashMap<ListenerId, AbortHandle>,
}

impl Running {
    fn new(config: WorkerConfig) -> Self {
        let worker = Rc::new(Worker::new(&config));
        let WorkerConfig { mesh, assignment, load, .. } = config;
        Self { worker, mesh, assignment, load, shares: HashMap::new(), polled: HashMap::new() }
    }

    async fn run(mut self) {
        let mut maintenance = every(MAINTENANCE);
        self.adjust();
        loop {
            tokio::select! {
                changed = self.assignment.changed() => match changed {
                    Ok(()) => self.adjust(),
                    Err(_) => return,
                },
                Ok(()) = self.mesh.changed() => self.follow_mesh(),
                _ = maintenance.tick() => self.maintain(),
            }
        }
    }

    /// Adjusts to the assignment: polls new listeners, and stops polling removed ones.
    fn adjust(&mut self) {
        let assignment = Arc::clone(&self.assignment.borrow_and_update());
        self.leave_pods(&assignment);
        self.polled.retain(|id, task| {
            let wanted = assignment.listeners.contains_key(id);
            if !wanted {
                task.abort();
            }
            wanted
        });
        for (id, assigned) in &assignment.listeners {
            if !self.polled.contains_key(id) {
                let worker = &self.worker;
                let share = self
                    .shares
                    .entry(Arc::clone(&assigned.pod.member.local.uid))
                    .or_insert_with(|| Rc::new(Share::new(Arc::clone(&assigned.pod), Rc::clone(worker))));
                let task =
                    tokio::task::spawn_local(accept::poll(Rc::clone(share), assigned.listener.clone()));
                self.polled.insert(id.clone(), task.abort_handle());
            }
        }
    }

    /// Ends everything of Pods that are no longer carried, or replaced by another of the same name.
    fn leave_pods(&mut self, assignment: &WorkerAssignment) {
        let carried = |share: &Share| {
            assignment.pods.get(&share.pod.member.local.uid).is_some_and(|pod| Arc::ptr_eq(pod, &share.pod))
        };
        let gone: Vec<_> = self.shares.extract_if(|_, share| !carried(share)).collect();
        if gone.is_empty() {
            return;
        }
        for (_, share) in &gone {
            share.tunnels.close_all();
            self.polled.retain(|(reference, _), task| {
                let stays = *reference != share.pod.enrolled.reference;
                if !stays {
                    task.abort();
                }
                stays
            });
        }
        let remains = |pod: &Arc<crate::pod::Pod>| {
            assignment.pods.get(&pod.member.local.uid).is_some_and(|now| Arc::ptr_eq(now, pod))
        };
        self.worker.live.end_all_but(remains, Closing::PodRemoved);
    }

    fn follow_mesh(&mut self) {
        let mesh = Arc::clone(&self.mesh.borrow_and_update());
        self.worker.follow(&mesh);
        for share in self.shares.values() {
            share.tunnels.close_removed(&mesh);
        }
    }

    fn maintain(&self) {
        self.worker.buffers.trim();
        let tunnels = self.shares.values().map(|share| share.tunnels.connections()).sum();
        self.load.publish(self.worker.live.len(), tunnels);
        for share in self.shares.values().filter(|share| share.pod.is_stopping()) {
            share.tunnels.retire();
        }
    }
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
