//! In the mesh: what may change under a Pod, and what is done about it.

use std::sync::Arc;

use karez_capture::capture::Integrity;
use karez_handover::agent::Supply;
use tokio::time::Instant;

use super::enrol::open_supply;
use super::{PodError, PodTask};
use crate::kernel::Kernel;
use crate::record::Phase;

impl<K: Kernel> PodTask<K> {
    /// Checks the Pod's capture and listeners, and repairs them.
    pub(super) async fn check(&mut self) {
        let Some(enrolled) = &self.enrolled else { return };
        match (self.is_there().await, enrolled.record.phase) {
            (Err(error), _) => self.note(&error),
            (Ok(false), _) => self.reap().await,
            (Ok(true), Phase::Leaving) => self.leave_again().await,
            (Ok(true), Phase::Enrolled) => match self.put_right().await {
                Ok(()) => self.clear_problem(),
                Err(error) => self.note(&error),
            },
        }
    }

    /// Follows what node proxies say.
    pub(super) async fn follow_or_note(&mut self) {
        if let Err(error) = self.follow().await {
            self.note(&error);
        }
    }

    /// Whether its path leads to its namespace still. What cannot be looked at is not gone for that.
    pub(super) async fn is_there(&self) -> Result<bool, PodError> {
        let Some(enrolled) = &self.enrolled else { return Ok(false) };
        let (netns, expected) = (enrolled.record.netns.clone(), enrolled.reference().sandbox);
        Ok(self.context.blocking(move |context| context.kernel.id_at(&netns)).await? == Some(expected))
    }

    async fn put_right(&mut self) -> Result<(), PodError> {
        let repaired = self.repair().await;
        self.follow().await?;
        repaired
    }

    fn clear_problem(&mut self) {
        if let Some(enrolled) = &mut self.enrolled {
            enrolled.problem = None;
        }
    }

    /// Node proxies say whether older flows are to be closed, and that nobody holds the Pod's listeners.
    async fn follow(&mut self) -> Result<(), PodError> {
        let Some(enrolled) = &mut self.enrolled else { return Ok(()) };
        if enrolled.record.phase == Phase::Leaving {
            return Ok(());
        }
        let (strict, supply) = self.context.roster.with(|roster| {
            let offer = roster.offer_of(&enrolled.record.pod.reference);
            offer.map_or((None, None), |offer| (offer.strict, Some(offer.supply.clone())))
        });
        if let Some(strict) = strict.filter(|strict| *strict != enrolled.record.strict) {
            enrolled.record.strict = strict;
            enrolled.installed = None;
            self.repair().await?;
        }
        match supply {
            Some(Supply::Wanted) => self.supply_anew().await,
            Some(Supply::Sought) if self.has_sought_enough() => self.supply_anew().await,
            Some(Supply::Sought | Supply::Listeners { .. } | Supply::Namespace(_)) | None => Ok(()),
        }
    }

    /// Puts the capture in place, if it is not or not as it was.
    async fn repair(&mut self) -> Result<(), PodError> {
        let Some(enrolled) = &mut self.enrolled else { return Ok(()) };
        let sandbox = enrolled.sandbox(&self.context).await?;
        let (record, installed, options) =
            (enrolled.record.clone(), enrolled.installed.clone(), enrolled.options());
        let unsaved = enrolled.unsaved;
        let repaired = self.context.blocking(move |context| {
            if let Some(installed) = &installed {
                match context.kernel.verify(&sandbox, installed)? {
                    Integrity::Intact => {
                        let saved = if unsaved { context.store.save(&record) } else { Ok(()) };
                        return Ok((Arc::clone(installed), saved));
                    }
                    Integrity::Changed(part) => {
                        tracing::warn!(pod = %record.pod, ?part, "its capture was changed by somebody else: put right");
                        context.repairs.inc();
                    }
                }
            }
            // The Pod is on record already: what can fail here must not leave it open.
            let saved = context.store.save(&record);
            let installed = context.kernel.install(&sandbox, options, installed.as_deref())?;
            Ok::<_, PodError>((Arc::new(installed), saved))
        });
        let (installed, saved) = repaired.await?;
        enrolled.installed = Some(installed);
        enrolled.unsaved = saved.is_err();
        Ok(saved?)
    }

    /// Whether no node proxy is going to come back with the Pod's listeners.
    fn has_sought_enough(&self) -> bool {
        self.enrolled.as_ref().is_some_and(|enrolled| enrolled.seek_until <= Instant::now())
    }

    /// Opens listeners in the place of lost ones.
    async fn supply_anew(&mut self) -> Result<(), PodError> {
        let Some(enrolled) = &mut self.enrolled else { return Ok(()) };
        let sandbox = enrolled.sandbox(&self.context).await?;
        let record = enrolled.record.clone();
        let supply = self.context.blocking(move |context| open_supply(context, &record, &sandbox)).await?;
        self.context.roster.with(|roster| {
            let offer = roster.offer_of(enrolled.reference());
            // A node proxy may have come back with them in the meantime.
            if offer.is_some_and(|offer| matches!(offer.supply, Supply::Wanted | Supply::Sought)) {
                roster.supply(enrolled.reference(), supply);
            }
        });
        Ok(())
    }

    /// A removal was interrupted: by the agent's end, or by something that failed.
    async fn leave_again(&mut self) {
        let Some(enrolled) = &self.enrolled else { return };
        if self.context.roster.with(|roster| roster.offer_of(enrolled.reference()).is_some()) {
            // Its outcome is in the log and in the Pod's view.
            let _ = self.remove().await;
        } else {
            self.finish().await;
        }
    }
}
