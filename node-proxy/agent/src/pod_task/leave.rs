//! Out of the mesh.

use std::time::Duration;

use karez_handover::agent::Roster;
use karez_handover::enrol::Removal;
use tokio::time::timeout;

use super::{Enrolled, PodError, PodTask};
use crate::kernel::Kernel;
use crate::record::Phase;

/// How long node proxies may take to finish what a leaving Pod has open, before it is cut off.
const RELEASE_WITHIN: Duration = Duration::from_secs(15);
/// How long they may then take to close all. The agent ends the connection of one that does not answer for 5 s.
const GONE_WITHIN: Duration = Duration::from_secs(6);
/// How long a node proxy takes to connect again at most, when the agent has been restarted.
const RECONNECT_WITHIN: Duration = Duration::from_secs(2);

impl<K: Kernel> PodTask<K> {
    /// Takes the Pod out in order: open connections are finished, or closed by both sides, before the rules go.
    pub(super) async fn remove(&mut self) -> Removal {
        if let Err(error) = self.begin_to_leave().await {
            // It is taken out all the same; a restart in between would capture it again.
            self.note(&error);
        }
        let Some(enrolled) = &self.enrolled else { return Removal::default() };
        let pod = enrolled.reference().clone();
        self.settled("connect", RECONNECT_WITHIN, |roster| roster.programs().next().is_some()).await;
        self.settled("finish the Pod's connections", RELEASE_WITHIN, |roster| roster.is_released(&pod)).await;
        self.withdraw().await;
        self.finish().await;
        Removal { problem: self.enrolled.as_ref().and_then(|enrolled| enrolled.problem.clone()) }
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
        tracing::warn!(%pod, netns = %netns.display(), "its path no longer leads to its network namespace: what still runs there stays cut off");
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

    /// Waits for the node proxies, but not for ever: what they leave open is reset when the rules go.
    async fn settled(&self, what: &str, within: Duration, is_settled: impl Fn(&Roster) -> bool) {
        let settled = self.context.roster.wait(|roster| is_settled(roster).then_some(()));
        if timeout(within, settled).await.is_err()
            && let Some(enrolled) = &self.enrolled
        {
            tracing::warn!(pod = %enrolled.record.pod, ?within, "node proxies did not {what} in time: what is left of its connections is reset");
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
