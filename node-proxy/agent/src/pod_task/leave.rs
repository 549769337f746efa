//! Out of the mesh.

use std::time::Duration;

use karez_handover::agent::{ProxyStanding, Roster, Supply};
use karez_handover::enrol::Removal;
use karez_handover::pod::{EnrolledPod, PodReference};
use tokio::time::timeout;

use super::{Enrolled, PodError, PodTask};
use crate::context::AgentContext;
use crate::kernel::Kernel;
use crate::record::Phase;

/// How long a node proxy may take to carry a Pod that is to leave already.
const TAKEN_WITHIN: Duration = Duration::from_secs(2);
/// How long node proxies may take to finish what a leaving Pod has open, before it is cut off.
const RELEASE_WITHIN: Duration = Duration::from_secs(15);
/// How long they may then take to close all. The agent ends the connection of one that does not answer for 5 s.
const GONE_WITHIN: Duration = Duration::from_secs(6);
/// How long a node proxy takes to connect again at most, when the agent has been restarted.
const RECONNECT_WITHIN: Duration = Duration::from_secs(2);

impl<K: Kernel> PodTask<K> {
    /// Takes the Pod out in order: open connections are finished, or closed by both sides, before the rules go. Ends early
    /// when the Pod is to be enrolled again before they are finished: see [`PodTask::stay`].
    pub(super) async fn remove(&mut self) -> Removal {
        self.wait_until_taken().await;
        if let Err(error) = self.begin_to_leave().await {
            // It is taken out all the same; a restart in between would capture it again.
            self.note(&error);
        }
        self.settled("connect", RECONNECT_WITHIN, |roster| roster.programs().next().is_some()).await;
        if !self.has_finished().await {
            return Removal { problem: Some("it is enrolled again before it had left".to_owned()) };
        }
        self.withdraw().await;
        self.finish().await;
        Removal { problem: self.enrolled.as_ref().and_then(|enrolled| enrolled.problem.clone()) }
    }

    /// What waits in the queues of a Pod that was captured a moment ago is served first: it would be reset.
    async fn wait_until_taken(&self) {
        let Some(enrolled) = &self.enrolled else { return };
        let taken = self.context.roster.wait(|roster| is_taken(roster, enrolled.reference()).then_some(()));
        // Without the controller it is never carried.
        let _ = timeout(TAKEN_WITHIN, taken).await;
    }

    /// Waits until node proxies have finished what is open. False when the Pod is to be enrolled again before.
    async fn has_finished(&mut self) -> bool {
        let Some(enrolled) = &self.enrolled else { return true };
        let (pod, can_stay) = (&enrolled.record.pod, self.can_stay());
        let released = |roster: &Roster| roster.is_released(&pod.reference);
        let finished = settled(&self.context, pod, "finish the Pod's connections", RELEASE_WITHIN, released);
        tokio::select! {
            biased;
            () = self.commands.enrolment(&pod.reference), if can_stay => false,
            () = finished => true,
        }
    }

    /// Whether a Pod that leaves can stay as it is: Karez's node proxies still have its listeners, or the agent has.
    pub(super) fn can_stay(&self) -> bool {
        self.enrolled.as_ref().is_some_and(|enrolled| {
            self.context.roster.with(|roster| {
                let offer = roster.offer_of(enrolled.reference());
                offer.is_some_and(|offer| matches!(offer.supply, Supply::Listeners { .. }))
            })
        })
    }

    /// Makes room for the same Pod in another namespace. There is one record of it: the old one's has to be there until
    /// nothing of it is left in the old namespace.
    pub(super) async fn give_way(&mut self) -> Result<(), PodError> {
        // Where that cannot be told it is as good as gone: what may be left in it stays cut off.
        if !self.is_there().await.unwrap_or(false) {
            self.reap().await;
            return Ok(());
        }
        let problem = self.remove().await.problem;
        let Some(Enrolled { record, .. }) = &self.enrolled else { return Ok(()) };
        Err(PodError::Former { netns: record.netns.clone(), problem: problem.unwrap_or_default() })
    }

    /// The Pod's path leads to its namespace no more: nothing is left to be drained. Its rules stay: they go with the
    /// namespace, and if it is in use all the same, what is in it sends nothing in the clear.
    pub(super) async fn reap(&mut self) {
        let Some(enrolled) = &self.enrolled else { return };
        let (pod, netns) = (enrolled.record.pod.clone(), enrolled.record.netns.clone());
        tracing::info!(%pod, netns = %netns.display(), "its path no longer leads to its network namespace: what still runs there stays cut off");
        self.withdraw().await;
        match self.context.blocking(move |context| context.store.forget(&pod)).await {
            Ok(()) => self.enrolled = None,
            Err(error) => self.note(&error.into()),
        }
    }

    /// Tries again what of a removal did not succeed.
    pub(super) async fn finish(&mut self) {
        let Some(enrolled) = &mut self.enrolled else { return };
        let pod = enrolled.record.pod.clone();
        let sandbox = enrolled.sandbox(&self.context).await;
        let removed = self.context.blocking(move |context| {
            let severed = context.kernel.remove(&*sandbox?)?;
            context.store.forget(&pod)?;
            Ok::<_, PodError>((pod, severed))
        });
        match removed.await {
            Ok((pod, severed)) => {
                tracing::info!(%pod, connections_reset = severed, "removed");
                self.enrolled = None;
            }
            Err(error) => self.note(&error),
        }
    }

    async fn begin_to_leave(&mut self) -> Result<(), PodError> {
        let Some(enrolled) = &mut self.enrolled else { return Ok(()) };
        enrolled.record.phase = Phase::Leaving;
        let pod = enrolled.reference().clone();
        let (record, options) = (enrolled.record.clone(), enrolled.options());
        let sandbox = enrolled.sandbox(&self.context).await;
        let left = self.context.blocking(move |context| {
            let saved = context.store.save(&record);
            context.kernel.leave(&*sandbox?, options)?;
            Ok(saved?)
        });
        let left = left.await;
        // Only now: what is redirected still has to be taken.
        self.context.roster.with(|roster| roster.stop(&pod));
        self.publish();
        left
    }

    pub(super) async fn withdraw(&mut self) {
        let Some(enrolled) = &mut self.enrolled else { return };
        enrolled.record.phase = Phase::Leaving;
        enrolled.installed = None;
        let pod = enrolled.reference().clone();
        self.context.sandboxes.remove(&pod);
        self.context.roster.with(|roster| roster.withdraw(&pod));
        self.settled("release the Pod", GONE_WITHIN, |roster| roster.is_gone(&pod)).await;
    }

    async fn settled(&self, what: &str, within: Duration, is_settled: impl Fn(&Roster) -> bool) {
        if let Some(enrolled) = &self.enrolled {
            settled(&self.context, &enrolled.record.pod, what, within, is_settled).await;
        }
    }

    pub(super) fn note(&mut self, error: &PodError) {
        if let Some(enrolled) = &mut self.enrolled {
            let problem = error.to_string();
            if enrolled.problem.as_ref() != Some(&problem) {
                tracing::warn!(pod = %enrolled.record.pod, problem, "not as it should be");
            }
            enrolled.problem = Some(problem);
        }
    }
}

/// Waits for the node proxies, but not for ever: what they leave open is reset when the rules go.
async fn settled<K: Kernel>(
    context: &AgentContext<K>,
    pod: &EnrolledPod,
    what: &str,
    within: Duration,
    is_settled: impl Fn(&Roster) -> bool,
) {
    let settled = context.roster.wait(|roster| is_settled(roster).then_some(()));
    if timeout(within, settled).await.is_err() {
        tracing::warn!(%pod, ?within, "node proxies did not {what} in time: what is left of its connections is reset");
    }
}

/// Whether no node proxy is about to carry the Pod.
fn is_taken(roster: &Roster, pod: &PodReference) -> bool {
    let is_coming = |standing| matches!(standing, &ProxyStanding::Offered | &ProxyStanding::Waiting(_));
    roster.programs().next().is_none() || roster.standings(pod).any(|(_, standing)| !is_coming(standing))
}
