//! All Pods: which may be enrolled, and the task of each.

use std::collections::BTreeMap;
use std::sync::Arc;

use karez_handover::agent::{ProxyStanding, Roster};
use karez_handover::enrol::{PodList, PodStatus, Removal};
use karez_handover::pod::{PodReference, PodUid};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::context::AgentContext;
use crate::kernel::Kernel;
use crate::pod_task::{Change, Command, NewPod, PodError, PodTask, PodView};
use crate::record::{Phase, Record};
use crate::registry::{Conflict, PodName, Registry};

/// Requests that wait for one Pod.
const WAITING: usize = 16;

/// Answers a request at once: where its outcome is to be waited for, or why it has none.
pub type Answer<T> = oneshot::Sender<Result<oneshot::Receiver<T>, Refused>>;

/// What the owner of all Pods is asked.
#[derive(Debug)]
pub enum Request<S> {
    /// Enrol a Pod.
    Enrol(Box<NewPod<S>>, Answer<Result<Vec<Change>, PodError>>),
    /// Take one out of the mesh: the one of that name, or of it only the one of that uid.
    Remove(PodName, Option<PodUid>, Answer<Removal>),
    /// Tell of all.
    List(oneshot::Sender<PodList>),
}

/// Why a request is not fulfilled.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It would take what another Pod has.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// No Pod of that name.
    #[error("Pod {0} is not enrolled")]
    Unknown(PodName),
    /// Too many requests wait for the same Pod.
    #[error("{WAITING} requests wait for Pod {0} already: try again later")]
    Busy(PodName),
}

/// The owner of all Pods: one task, and the only writer of what there is.
#[derive(Debug)]
pub struct Pods<K: Kernel> {
    context: Arc<AgentContext<K>>,
    registry: Registry,
    handles: BTreeMap<PodName, TaskHandle<K::Sandbox>>,
    tasks: JoinSet<()>,
}

#[derive(Debug)]
struct TaskHandle<S> {
    commands: mpsc::Sender<Command<S>>,
    view: watch::Receiver<Option<PodView>>,
}

impl<K: Kernel> Pods<K> {
    /// None yet.
    #[must_use]
    pub fn new(context: Arc<AgentContext<K>>) -> Self {
        Self { context, registry: Registry::default(), handles: BTreeMap::new(), tasks: JoinSet::new() }
    }

    /// Resumes the task of a Pod that was enrolled before the agent was restarted, without its namespace where that cannot be
    /// opened yet. Before [`Pods::run`].
    ///
    /// # Errors
    /// When another Pod has the same uid or network namespace.
    pub fn resume(&mut self, record: Record, sandbox: Option<K::Sandbox>) -> Result<(), Conflict> {
        let reservation = self.registry.admit(&record.pod)?;
        let name = PodName::of(&record.pod);
        let (mut task, handle) = self.new_task();
        task.resume(record, sandbox, reservation);
        self.tasks.spawn(task.run());
        self.handles.insert(name, handle);
        Ok(())
    }

    /// Runs until nobody can ask any more.
    pub async fn run(mut self, mut requests: mpsc::Receiver<Request<K::Sandbox>>) {
        loop {
            tokio::select! {
                // Ended tasks first, so that no request is sent to one.
                biased;
                Some(ended) = self.tasks.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "a Pod's task ended before its time: the Pod stays captured");
                    }
                    self.forget_ended();
                }
                request = requests.recv() => match request {
                    Some(request) => self.serve(request),
                    None => return,
                },
            }
        }
    }

    /// Never waits: each Pod's task does that for itself. Whoever asked may have gone meanwhile.
    fn serve(&mut self, request: Request<K::Sandbox>) {
        match request {
            Request::Enrol(new_pod, answer) => {
                let _ = answer.send(self.enrol(new_pod));
            }
            Request::Remove(name, uid, answer) => {
                let _ = answer.send(self.command(name, |done| Command::Remove(uid, done)));
            }
            Request::List(answer) => {
                let _ = answer.send(self.list());
            }
        }
    }

    fn enrol(
        &mut self,
        new_pod: Box<NewPod<K::Sandbox>>,
    ) -> Result<oneshot::Receiver<Result<Vec<Change>, PodError>>, Refused> {
        let reservation = self.registry.admit(&new_pod.record.pod)?;
        let name = PodName::of(&new_pod.record.pod);
        if !self.handles.contains_key(&name) {
            let (task, handle) = self.new_task();
            self.handles.insert(name.clone(), handle);
            // The command below is in its mailbox before it runs: this task does not yield in between.
            self.tasks.spawn(task.run());
        }
        self.command(name, |done| Command::Enrol(new_pod, reservation, done))
    }

    fn command<T>(
        &self,
        name: PodName,
        command: impl FnOnce(oneshot::Sender<T>) -> Command<K::Sandbox>,
    ) -> Result<oneshot::Receiver<T>, Refused> {
        let Some(handle) = self.handles.get(&name) else { return Err(Refused::Unknown(name)) };
        let (done, outcome) = oneshot::channel();
        match handle.commands.try_send(command(done)) {
            Ok(()) => Ok(outcome),
            Err(TrySendError::Full(_)) => Err(Refused::Busy(name)),
            Err(TrySendError::Closed(_)) => Err(Refused::Unknown(name)),
        }
    }

    fn new_task(&self) -> (PodTask<K>, TaskHandle<K::Sandbox>) {
        let (commands, mailbox) = mpsc::channel(WAITING);
        let (seen, view) = watch::channel(None);
        (PodTask::new(Arc::clone(&self.context), mailbox, seen), TaskHandle { commands, view })
    }

    fn forget_ended(&mut self) {
        self.handles.retain(|_, handle| !handle.commands.is_closed());
    }

    fn list(&self) -> PodList {
        let views = self.handles.values().filter_map(|handle| handle.view.borrow().clone());
        let pods = self.context.roster.with(|roster| views.map(|view| status(&view, roster)).collect());
        PodList { pods }
    }
}

/// A Pod as it is told to people.
fn status(view: &PodView, roster: &Roster) -> PodStatus {
    let pod = &view.record.pod;
    PodStatus {
        uid: pod.uid().to_string(),
        namespace: pod.namespace.to_string(),
        name: pod.name.to_string(),
        service_account: pod.service_account.to_string(),
        netns: view.record.netns.clone(),
        addresses: pod.addresses.clone(),
        captured: view.captured,
        carried_by: carriers(&pod.reference, roster),
        problem: view.problem.clone().or_else(|| match view.record.phase {
            Phase::Enrolled => uncarried(&pod.reference, roster),
            Phase::Leaving => Some("leaving the mesh".to_owned()),
        }),
    }
}

fn carriers(pod: &PodReference, roster: &Roster) -> Vec<String> {
    roster.carriers(pod).map(str::to_owned).collect()
}

/// Why no node proxy carries a Pod; None when one does.
fn uncarried(pod: &PodReference, roster: &Roster) -> Option<String> {
    if !carriers(pod, roster).is_empty() {
        return None;
    }
    let told = roster.standings(pod).find_map(|(program, standing)| match standing {
        ProxyStanding::Failed(reason) => Some(format!("{program} cannot carry it: {reason}")),
        ProxyStanding::Waiting(reason) if !reason.is_empty() => Some(format!("{program} waits: {reason}")),
        ProxyStanding::Returning
        | ProxyStanding::Offered
        | ProxyStanding::Waiting(_)
        | ProxyStanding::Carrying
        | ProxyStanding::Stopping
        | ProxyStanding::Released
        | ProxyStanding::Removing => None,
    });
    let reason = || match roster.programs().next() {
        None => "no node proxy is connected: its connections wait".to_owned(),
        Some(_) => "the node proxy does not carry it yet: its connections wait".to_owned(),
    };
    Some(told.unwrap_or_else(reason))
}
