//! Into the mesh.

use std::sync::Arc;

use karez_handover::agent::Supply;
use tokio::time::Instant;

use super::change::{Change, changes};
use super::{Enrolled, NewPod, PodError, PodTask, SEEK_FOR};
use crate::context::{AgentContext, Sandbox};
use crate::kernel::{CaptureOptions, Kernel, KernelError, ServedBy};
use crate::probes::Admission;
use crate::record::{Phase, Record};
use crate::registry::Reservation;

impl<K: Kernel> PodTask<K> {
    /// Enrols the Pod. One that is enrolled in the same namespace is brought up to date, and what has changed about it is
    /// given; in another it is replaced.
    pub(super) async fn enrol(
        &mut self,
        new_pod: NewPod<K::Sandbox>,
        reservation: Reservation,
    ) -> Result<Vec<Change>, PodError> {
        let before =
            self.enrolled.as_ref().map(|enrolled| (enrolled.reference().clone(), enrolled.record.phase));
        let new = &new_pod.record.pod.reference;
        match before {
            Some((reference, Phase::Enrolled)) if reference == *new => {
                let changes = self.describe(new_pod.record).await?;
                self.check().await;
                return Ok(changes);
            }
            Some((reference, Phase::Leaving)) if reference == *new && self.can_stay() => {
                return self.stay(new_pod.record).await;
            }
            Some((reference, _)) if reference != *new => self.give_way().await?,
            // A removal that did not come to its end gives way to the new enrolment.
            Some(_) | None => {}
        }
        self.enrolled = None;
        let (record, sandbox) = (new_pod.record, Arc::new(new_pod.sandbox));
        let probes = self.context.probes.admit(record.pod.addresses.clone());
        let captured = capture_pod(&self.context, &record, &sandbox, &probes).await;
        let seek_until = Instant::now();
        let sandbox = Some(sandbox);
        let enrolled = Enrolled {
            record,
            sandbox,
            installed: None,
            unsaved: false,
            problem: None,
            seek_until,
            probes,
            _reservation: reservation,
        };
        let enrolled = self.enrolled.insert(enrolled);
        match captured {
            Ok(installed) => {
                let Record { pod, netns, .. } = &enrolled.record;
                tracing::info!(%pod, uid = %pod.uid(), netns = %netns.display(), "captured");
                enrolled.installed = Some(Arc::new(installed));
                Ok(Vec::new())
            }
            Err(error) => {
                self.undo().await;
                Err(error)
            }
        }
    }

    /// Captures a leaving Pod again, of which node proxies still have connections open: they go on. To wait for their end
    /// would refuse what peers dial meanwhile, to whom the mesh announces the Pod again.
    async fn stay(&mut self, new: Record) -> Result<Vec<Change>, PodError> {
        let Some(enrolled) = &mut self.enrolled else { return Ok(Vec::new()) };
        tracing::info!(pod = %enrolled.record.pod, "it stays in the mesh: it is enrolled again before it had left");
        enrolled.record.phase = Phase::Enrolled;
        enrolled.installed = None;
        enrolled.unsaved = true;
        let pod = enrolled.reference().clone();
        self.context.roster.with(|roster| roster.resume(&pod));
        let changes = self.describe(new).await?;
        self.check().await;
        Ok(changes)
    }

    /// Takes back what an enrolment that failed has done. What cannot be is tried again, as of any Pod that leaves.
    async fn undo(&mut self) {
        self.withdraw().await;
        self.finish().await;
        let Some(enrolled) = &self.enrolled else { return };
        let record = enrolled.record.clone();
        if let Err(error) = self.context.blocking(move |context| context.store.save(&record)).await {
            self.note(&error.into());
        }
    }

    /// Resumes a Pod that was enrolled when the agent ended. Its rules are still there; its listeners are
    /// with a node proxy, or nowhere; its namespace is opened later where it cannot be now.
    pub fn resume(&mut self, record: Record, sandbox: Option<K::Sandbox>, reservation: Reservation) {
        let sandbox = sandbox.map(Arc::new);
        offer_again(&self.context, &record, sandbox.as_ref());
        let probes = self.context.probes.admit(record.pod.addresses.clone());
        let seek_until = Instant::now() + SEEK_FOR;
        self.enrolled = Some(Enrolled {
            record,
            sandbox,
            installed: None,
            unsaved: false,
            problem: None,
            seek_until,
            probes,
            _reservation: reservation,
        });
        self.publish();
    }

    /// Notes what is new about the Pod. What was fixed at its enrolment stays. Node proxies begin anew with one that is
    /// another to them, and do not hear of another path to the same namespace.
    async fn describe(&mut self, new: Record) -> Result<Vec<Change>, PodError> {
        let Some(enrolled) = &mut self.enrolled else { return Ok(Vec::new()) };
        let changes = changes(&enrolled.record.pod, &new.pod);
        if changes.is_empty() && enrolled.record.netns == new.netns {
            return Ok(changes);
        }
        let record = Record { pod: new.pod, netns: new.netns, ..enrolled.record.clone() };
        let saved = record.clone();
        self.context.blocking(move |context| context.store.save(&saved)).await?;
        if !changes.is_empty() {
            changes
                .iter()
                .for_each(|change| tracing::info!(pod = %record.pod, %change, "enrolled as another"));
            self.context.roster.with(|roster| {
                let supply = roster.offer_of(&record.pod.reference).map(|offer| offer.supply.clone());
                let supply = supply.unwrap_or(Supply::Wanted);
                roster.offer(record.pod.clone(), record.openings.roles(), supply);
            });
        }
        enrolled.probes = self.context.probes.admit(record.pod.addresses.clone());
        enrolled.record = record;
        Ok(changes)
    }
}

/// All steps but the first leave something behind when a later one fails: see [`PodTask::undo`].
async fn capture_pod<K: Kernel>(
    context: &Arc<AgentContext<K>>,
    record: &Record,
    sandbox: &Arc<K::Sandbox>,
    probes: &Admission,
) -> Result<K::Installed, PodError> {
    let supply = {
        let (record, sandbox) = (record.clone(), Arc::clone(sandbox));
        context.blocking(move |context| {
            context.store.save(&record)?;
            Ok::<_, PodError>(open_supply(context, &record, &sandbox)?)
        })
    };
    let (supply, ()) = tokio::join!(supply, probes.in_force());
    let supply = supply?;
    let opened = Sandbox { namespace: Arc::clone(sandbox), mark: record.mark };
    context.sandboxes.insert(record.pod.reference.clone(), opened);
    context.roster.with(|roster| roster.offer(record.pod.clone(), record.openings.roles(), supply));
    let (sandbox, options) = (Arc::clone(sandbox), CaptureOptions::of(record));
    Ok(context.blocking(move |context| context.kernel.install(&sandbox, options, None)).await?)
}

/// What the node proxies get with the Pod. Blocks.
pub(super) fn open_supply<K: Kernel>(
    context: &AgentContext<K>,
    record: &Record,
    sandbox: &K::Sandbox,
) -> Result<Supply, KernelError> {
    Ok(match context.served_by {
        ServedBy::Karez => {
            let listeners = context.kernel.listen(sandbox, &record.openings.roles())?;
            Supply::Listeners { listeners, handed: false }
        }
        ServedBy::Ztunnel => Supply::Namespace(Arc::new(context.kernel.duplicate(sandbox)?)),
    })
}

fn offer_again<K: Kernel>(context: &AgentContext<K>, record: &Record, sandbox: Option<&Arc<K::Sandbox>>) {
    let reference = &record.pod.reference;
    if let Some(sandbox) = sandbox {
        let opened = Sandbox { namespace: Arc::clone(sandbox), mark: record.mark };
        context.sandboxes.insert(reference.clone(), opened);
    }
    // Duplicating a descriptor does not block, and fails only when none is left; then it is tried again later.
    let duplicate = || context.kernel.duplicate(sandbox?).ok();
    let supply = match context.served_by {
        ServedBy::Karez => Supply::Sought,
        ServedBy::Ztunnel => {
            duplicate().map_or(Supply::Wanted, |descriptor| Supply::Namespace(Arc::new(descriptor)))
        }
    };
    context.roster.with(|roster| {
        roster.offer(record.pod.clone(), record.openings.roles(), supply);
        if record.phase == Phase::Leaving {
            roster.stop(reference);
        }
    });
}
