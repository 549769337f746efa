//! What one client has of one type, and what to send it next. Pure.
//!
//! A subscription follows the catalog's log from view to view, and looks only at the names that changed. It compares all that it
//! has with all that there is when it begins, when its interest changes, and when the log has left it behind.
//!
//! One response is outstanding at a time, and new ones are made only after the client has answered the last of them, from
//! what is present then. So a slow client costs one set of responses, and skips the states that it was too slow to see.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use karez_api::discovery::DeltaDiscoveryRequest;

use super::batch::{self, Batch};
use super::conversation::Violation;
use super::visibility::Visible;
use crate::catalog::{Changes, Entry, View};
use crate::progress::{Progress, Rejection};

/// Asks for everything, as a name in a subscription.
const WILDCARD: &str = "*";
/// Names that a client may ask for, per type.
const MAX_NAMES: usize = 50_000;
/// Bytes of resources in one response, unless one alone is bigger. Node proxies, Istio's and ours, take up to 200 MiB.
///
/// Istio's also takes a type's first response for all that there is, so it is no smaller than need be: everything that
/// 100,000 workloads have goes in one.
pub(super) const WHOLE_SIZE: usize = 64 << 20;
/// The same for a client that takes parts. A stream keeps the buffer of its biggest response for as long as it lives: with the
/// frame around it, this one fits into 64 KiB.
pub(super) const PART_SIZE: usize = 60 << 10;

/// One client's subscription to one type.
#[derive(Debug)]
pub(super) struct Subscription {
    /// Bytes of resources in one response.
    response_size: usize,
    interest: Interest,
    /// What the client was last found to have, before it is told anything: names and versions.
    resumed: Option<BTreeMap<String, String>>,
    /// Names asked for since the last response: answered whether they changed or not.
    asked: BTreeSet<String>,
    /// What the client has once it has taken all of `queue`.
    shown: Arc<View>,
    /// The catalog's view that `shown` was chosen from.
    source: Option<Arc<View>>,
    queue: VecDeque<Batch>,
    outstanding: Option<Outstanding>,
    progress: Progress,
}

/// A response that was not answered yet.
#[derive(Debug)]
struct Outstanding {
    nonce: u64,
    names: BTreeSet<Arc<str>>,
}

/// What a client wants to know of.
#[derive(Debug)]
struct Interest {
    visible: Visible,
    everything: bool,
    names: BTreeSet<String>,
}

impl Subscription {
    /// The first request of its type on a stream, of which the client may see what is `visible`.
    pub(super) fn new(visible: Visible, request: DeltaDiscoveryRequest) -> Result<Self, Violation> {
        // xDS protocol, "How the client specifies what resources to return": a first request that names nothing asks for
        // everything.
        let everything = request.resource_names_subscribe.is_empty();
        let mut subscription = Self {
            response_size: WHOLE_SIZE,
            interest: Interest { visible, everything, names: BTreeSet::new() },
            resumed: Some(request.initial_resource_versions.into_iter().collect()),
            asked: BTreeSet::new(),
            shown: Arc::default(),
            source: None,
            queue: VecDeque::new(),
            outstanding: None,
            progress: Progress::default(),
        };
        subscription
            .change_interest(request.resource_names_subscribe, &request.resource_names_unsubscribe)?;
        subscription.go_on_with_resumed()?;
        Ok(subscription)
    }

    /// With responses of so many bytes.
    pub(super) fn cut_at(self, response_size: usize) -> Self {
        Self { response_size, ..self }
    }

    /// A later request: an answer, a change of interest, or both.
    pub(super) fn receive(&mut self, request: DeltaDiscoveryRequest) -> Result<(), Violation> {
        let answered = self.outstanding.take_if(|sent| request.response_nonce == sent.nonce.to_string());
        // Any other nonce is that of a response which was answered before: nothing is to be learnt from it.
        if let Some(sent) = answered {
            let complaint = request.error_detail.map(|error| error.message);
            self.judge(sent.names, complaint.as_deref());
            self.settle();
        }
        self.change_interest(request.resource_names_subscribe, &request.resource_names_unsubscribe)
    }

    /// Notes what the client made of what it was sent. What it refused of that before counts no longer, the rest does.
    fn judge(&mut self, sent: BTreeSet<Arc<str>>, complaint: Option<&str>) {
        let before = self.progress.rejected.take().and_then(|before| before.without(&sent));
        let new = complaint.map(|detail| Rejection::of(detail, sent));
        let rejected = match (before, new) {
            (Some(before), Some(new)) => Some(new.beside(before)),
            (before, new) => before.or(new),
        };
        self.progress.rejected = rejected.map(Arc::new);
    }

    /// Notes that the client has all that it was to be told, if it has.
    fn settle(&mut self) {
        if self.outstanding.is_none() && self.queue.is_empty() {
            self.progress.acknowledged = self.source.as_ref().map(|source| source.version());
        }
    }

    fn change_interest(&mut self, subscribe: Vec<String>, unsubscribe: &[String]) -> Result<(), Violation> {
        if subscribe.is_empty() && unsubscribe.is_empty() {
            return Ok(());
        }
        for name in subscribe {
            if name == WILDCARD {
                self.interest.everything = true;
            } else {
                self.asked.insert(name.clone());
                self.interest.names.insert(name);
            }
        }
        for name in unsubscribe {
            if name == WILDCARD {
                self.interest.everything = false;
            } else {
                self.asked.remove(name);
                self.interest.names.remove(name);
            }
        }
        // What the client no longer asks for it has forgotten; it is not told that it is gone.
        self.shown = self.interest.choose(&self.shown);
        self.source = None;
        self.interest.check()
    }

    /// A client of Istio's that asks by name does not repeat, on a new stream, the names of what it holds.
    fn go_on_with_resumed(&mut self) -> Result<(), Violation> {
        if !self.interest.everything {
            let held = self.resumed.iter().flat_map(BTreeMap::keys);
            self.interest.names.extend(held.cloned());
        }
        self.interest.check()
    }

    /// Whether the client has been told, and has answered, all that there was to say.
    pub(super) fn is_idle(&self) -> bool {
        self.outstanding.is_none() && self.queue.is_empty()
    }

    /// Whether there is more to say than what the client has been told.
    pub(super) fn has_more(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Finds what is to be said when `view` is what there is; nothing is looked for while something is still to be said or
    /// answered.
    pub(super) fn look(&mut self, view: &Arc<View>) {
        if self.is_idle() {
            self.queue_changes(view);
            self.settle();
        }
    }

    /// The next response, if there is something to say and the client has answered the last one.
    pub(super) fn next(&mut self, nonce: u64) -> Option<Batch> {
        if self.outstanding.is_some() {
            return None;
        }
        let batch = self.queue.pop_front()?;
        let names = batch.set.iter().map(|entry| entry.name()).chain(&batch.removed).cloned().collect();
        self.outstanding = Some(Outstanding { nonce, names });
        Some(batch)
    }

    /// Queues what differs between what the client has and what is present.
    fn queue_changes(&mut self, present: &Arc<View>) {
        if self.source.as_ref().is_some_and(|source| Arc::ptr_eq(source, present)) {
            return;
        }
        let resumed = self.resumed.take();
        let mut changes = match &resumed {
            Some(held) => {
                self.shown = self.interest.choose(present);
                self.interest.changes_from(&self.shown, held)
            }
            None => self.follow(present),
        };
        self.interest.repeat_asked(&std::mem::take(&mut self.asked), present, &mut changes);
        // Its first request is answered even when there is nothing: only so does a client know that there is nothing.
        let answer = resumed.is_some() || !changes.is_empty();
        self.queue = if answer { batch::cut(changes, self.response_size) } else { VecDeque::new() };
        self.source = Some(Arc::clone(present));
    }

    /// Goes from what is shown to what is present, by the log as far as that reaches.
    fn follow(&mut self, present: &Arc<View>) -> Changes {
        let source = self.source.as_deref();
        let names = source.and_then(|source| Some((source, present.changed_since(source)?)));
        let Some((source, names)) = names else {
            let before = std::mem::replace(&mut self.shown, self.interest.choose(present));
            return before.changes_to(&self.shown);
        };
        // Who asked for a service by its address has it and its workloads under other names.
        let is_shown = |entry: &Entry| {
            let mut names = std::iter::once(entry.name()).chain(entry.services());
            names.any(|name| self.shown.find(name).is_some())
        };
        let concerns = |name: &str| {
            let entries = [source.find(name), present.find(name)];
            entries.into_iter().flatten().any(|entry| self.interest.concerns(entry) || is_shown(entry))
        };
        if self.interest.is_whole() {
            let before = std::mem::replace(&mut self.shown, Arc::clone(present));
            before.changes_of(names, &self.shown)
        } else if names.iter().any(|name| concerns(name)) {
            let before = std::mem::replace(&mut self.shown, self.interest.choose(present));
            before.changes_to(&self.shown)
        } else {
            Changes::default()
        }
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }
}

impl Interest {
    /// The client wants all that there is, and may see it.
    fn is_whole(&self) -> bool {
        self.everything && self.visible == Visible::All
    }

    fn choose(&self, view: &Arc<View>) -> Arc<View> {
        match &self.visible {
            Visible::All if self.everything => Arc::clone(view),
            Visible::Nothing => Arc::default(),
            Visible::Beginning(prefix) if self.everything => {
                Arc::new(View::new(view.beginning_with(prefix).cloned()))
            }
            Visible::All | Visible::Beginning(_) => Arc::new(View::new(self.named(view).cloned())),
        }
    }

    fn named<'a>(&'a self, view: &'a View) -> impl Iterator<Item = &'a Arc<Entry>> {
        let named = self.names.iter().flat_map(|name| view.resolve(name));
        // A service without the workloads behind it would be one that nobody serves.
        let named = named.flat_map(|entry| std::iter::once(entry).chain(view.serving(entry.name())));
        named.filter(|entry| self.visible.has(entry.name()))
    }

    /// Whether the client may have to be told when this entry comes, changes or goes.
    fn concerns(&self, entry: &Entry) -> bool {
        let mut names = std::iter::once(entry.name()).chain(entry.aliases()).chain(entry.services());
        self.visible.has(entry.name()) && (self.everything || names.any(|name| self.names.contains(&**name)))
    }

    /// What a client must be told that holds these versions of what was `chosen` for it.
    fn changes_from(&self, chosen: &View, held: &BTreeMap<String, String>) -> Changes {
        let mut changes = chosen.changes_from(held.iter().map(|(name, version)| (&**name, &**version)));
        if !self.everything {
            // What it holds by another name is not gone.
            changes.removed.retain(|name| chosen.resolve(name).is_empty());
        }
        changes
    }

    /// xDS protocol, "Subscribing to Resources": a resource that a client asks for by name is sent even when nothing says that
    /// it changed, because the client may have dropped it; a name that does not exist is answered as removed. What was asked for by
    /// another name is answered by that name as well, at the end: Istio's node proxy waits for a resource that is called so.
    fn repeat_asked(&self, asked: &BTreeSet<String>, present: &View, changes: &mut Changes) {
        let mut set: BTreeSet<Arc<str>> = changes.set.iter().map(|entry| Arc::clone(entry.name())).collect();
        let mut removed: BTreeSet<Arc<str>> = changes.removed.iter().cloned().collect();
        let mut by_alias = Vec::new();
        for name in asked {
            let mut found = present.resolve(name);
            found.retain(|entry| self.visible.has(entry.name()));
            let new = found.iter().filter(|entry| set.insert(Arc::clone(entry.name())));
            changes.set.extend(new.map(|entry| Arc::clone(entry)));
            let alias = found.first().filter(|entry| **entry.name() != **name);
            by_alias.extend(alias.map(|entry| Arc::new(entry.under(name))));
            if found.is_empty() {
                let name: Arc<str> = name.as_str().into();
                changes.removed.extend(removed.insert(Arc::clone(&name)).then_some(name));
            }
        }
        changes.set.extend(by_alias);
    }

    fn check(&self) -> Result<(), Violation> {
        if self.names.len() > MAX_NAMES { Err(Violation::TooManyNames) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
