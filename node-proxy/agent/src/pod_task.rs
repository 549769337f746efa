//! The task of one Pod, from its enrolment to its removal: the only writer of the Pod's state.
//!
//! What happens in the namespace and what the node proxies are told follow a fixed order, so that at no moment the Pod's
//! traffic is redirected to nowhere or leaves in the clear:
//!
//! * in: record, listeners, offer to the node proxies, rules
//! * out: record, rules let new connections pass, node proxies stop, node proxies let go, rules away, listeners closed
//! * in again before they have let go: record, node proxies carry on, rules

mod change;
mod commands;
mod enrol;
mod leave;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use karez_handover::enrol::Removal;
use karez_handover::pod::{PodReference, PodUid};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use crate::context::{AgentContext, Sandbox};
use crate::kernel::{CaptureOptions, Kernel, KernelError};
use crate::probes::Admission;
use crate::record::{Phase, Record};
use crate::registry::Reservation;
use crate::store::StoreError;

use commands::CommandQueue;

pub use change::Change;

/// How often a Pod's capture is looked at.
pub const CHECK_EVERY: Duration = Duration::from_secs(2);
/// How long a restarted agent waits for a node proxy that may hold a Pod's listeners.
pub const SEEK_FOR: Duration = Duration::from_secs(5);

/// A Pod to enrol, with its network namespace open.
#[derive(Debug)]
pub struct NewPod<S> {
    /// What is to be kept of it.
    pub record: Record,
    /// Its open namespace.
    pub sandbox: S,
}

/// What a Pod's task is asked to do.
#[derive(Debug)]
pub enum Command<S> {
    /// Enrol it, or bring it up to date; answered when it is captured, with what has changed about one that was enrolled.
    Enrol(Box<NewPod<S>>, Reservation, oneshot::Sender<Result<Vec<Change>, PodError>>),
    /// Take it out of the mesh, if it is still the one of that uid, where one is named; answered when nothing is left of it.
    Remove(Option<PodUid>, oneshot::Sender<Removal>),
}

/// What the list of Pods shows of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodView {
    /// What is kept of it.
    pub record: Record,
    /// Its rules are in place.
    pub captured: bool,
    /// What is wrong.
    pub problem: Option<String>,
}

/// Why a Pod could not be enrolled. Nothing is left of the attempt, or it is a Pod that leaves until nothing is.
#[derive(Debug, thiserror::Error)]
pub enum PodError {
    /// In its namespace.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// On disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Where it was there is another one now.
    #[error("{} leads to another network namespace now", netns.display())]
    Elsewhere {
        /// Where it was.
        netns: PathBuf,
    },
    /// The same Pod is still in another one, and cannot be taken out of it.
    #[error("it has not left its former network namespace {} yet, and the agent keeps trying: {problem}", netns.display())]
    Former {
        /// Where it was.
        netns: PathBuf,
        /// What keeps it there.
        problem: String,
    },
}

/// The task of one Pod.
#[derive(Debug)]
pub struct PodTask<K: Kernel> {
    context: Arc<AgentContext<K>>,
    commands: CommandQueue<K::Sandbox>,
    view: tokio::sync::watch::Sender<Option<PodView>>,
    enrolled: Option<Enrolled<K>>,
}

/// A Pod in the mesh, or on its way out.
#[derive(Debug)]
struct Enrolled<K: Kernel> {
    record: Record,
    /// None where it could not be opened when the agent was restarted: see [`Enrolled::sandbox`].
    sandbox: Option<Arc<K::Sandbox>>,
    installed: Option<Arc<K::Installed>>,
    /// The record on disk is an older one.
    unsaved: bool,
    problem: Option<String>,
    /// Until when its listeners are sought with node proxies.
    seek_until: Instant,
    /// That kubelet's probes reach it, for as long as this is held.
    probes: Admission,
    /// That no other Pod comes into its namespace.
    _reservation: Reservation,
}

impl<K: Kernel> PodTask<K> {
    /// A task without a Pod: it waits for its first command.
    #[must_use]
    pub fn new(
        context: Arc<AgentContext<K>>,
        commands: mpsc::Receiver<Command<K::Sandbox>>,
        view: tokio::sync::watch::Sender<Option<PodView>>,
    ) -> Self {
        Self { context, commands: CommandQueue::new(commands), view, enrolled: None }
    }

    /// Runs until the Pod is gone and nothing more is asked.
    pub async fn run(mut self) {
        let mut changes = self.context.roster.watch();
        let mut checks = interval_at(Instant::now() + CHECK_EVERY, CHECK_EVERY);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Nothing, unless it was taken up after a restart: then it has been without care for a while.
        self.check().await;
        loop {
            self.publish();
            let Some(seek_until) = self.enrolled.as_ref().map(|enrolled| enrolled.seek_until) else {
                match self.commands.next_now() {
                    Some(command) => self.execute(command).await,
                    None => return,
                }
                continue;
            };
            let is_seeking = seek_until > Instant::now();
            tokio::select! {
                command = self.commands.next() => match command {
                    Some(command) => self.execute(command).await,
                    None => return,
                },
                _ = checks.tick() => self.check().await,
                // It fails only when the roster is gone, and the context holds it.
                _ = changes.changed() => self.follow_or_note().await,
                () = sleep_until(seek_until), if is_seeking => self.follow_or_note().await,
            }
        }
    }

    async fn execute(&mut self, command: Command<K::Sandbox>) {
        // Whoever asked may have gone meanwhile; it is done all the same.
        match command {
            Command::Enrol(new_pod, reservation, answer) => {
                let enrolled = self.enrol(*new_pod, reservation).await;
                self.publish();
                let _ = answer.send(enrolled);
            }
            Command::Remove(uid, answer) => {
                // The name may be another Pod's by now: then the one that is meant has left.
                let removal =
                    if self.is_meant(uid.as_ref()) { self.remove().await } else { Removal::default() };
                self.publish();
                let _ = answer.send(removal);
            }
        }
    }

    fn is_meant(&self, uid: Option<&PodUid>) -> bool {
        let own = self.enrolled.as_ref().map(|enrolled| enrolled.record.pod.uid());
        uid.is_none_or(|uid| own == Some(uid))
    }

    fn publish(&self) {
        let view = self.enrolled.as_ref().map(|enrolled| PodView {
            record: enrolled.record.clone(),
            captured: enrolled.installed.is_some() && enrolled.record.phase == Phase::Enrolled,
            problem: enrolled.problem.clone(),
        });
        self.view.send_if_modified(|old| {
            let is_new = *old != view;
            *old = view;
            is_new
        });
    }
}

impl<K: Kernel> Enrolled<K> {
    fn reference(&self) -> &PodReference {
        &self.record.pod.reference
    }

    /// Its namespace, opened now where that did not succeed before.
    async fn sandbox(&mut self, context: &Arc<AgentContext<K>>) -> Result<Arc<K::Sandbox>, PodError> {
        if let Some(sandbox) = &self.sandbox {
            return Ok(Arc::clone(sandbox));
        }
        let (netns, pod, mark) = (self.record.netns.clone(), self.reference().clone(), self.record.mark);
        let opened = context.blocking(move |context| {
            let namespace = Arc::new(context.kernel.open(&netns)?);
            if context.kernel.id(&namespace) != pod.sandbox {
                return Err(PodError::Elsewhere { netns });
            }
            context.sandboxes.insert(pod, Sandbox { namespace: Arc::clone(&namespace), mark });
            Ok(namespace)
        });
        Ok(Arc::clone(self.sandbox.insert(opened.await?)))
    }

    fn options(&self) -> CaptureOptions {
        CaptureOptions::of(&self.record)
    }
}

#[cfg(test)]
pub(crate) mod tests;
