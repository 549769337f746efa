//! The register of a worker's open connections. Each is registered before it is authorized, so that no policy change slips in
//! between. A policy change authorizes it again; its Pod's leave ends it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use karez_api::outcome::{Closing, Outcome, Refusal};
use karez_flow::{FlowRecord, Moved};
use karez_mesh::authz::{self, Connection};
use karez_mesh::{LocalPod, Mesh};
use karez_tunnel::copy::Counters;
use tokio::sync::oneshot;

/// Capacity that the register always keeps.
const ROOM: usize = 64;

/// The open connections of one worker, each of a Pod `P`. Cheap to clone.
#[derive(Debug)]
pub struct Live<P> {
    inner: Rc<Inner<P>>,
}

#[derive(Debug)]
struct Inner<P> {
    next: Cell<u64>,
    entries: RefCell<HashMap<u64, LiveEntry<P>>>,
}

#[derive(Debug)]
struct LiveEntry<P> {
    /// The Pod whose connection it is.
    pod: Arc<P>,
    /// The Pod whose policies admit the connection, with the connection as they see it. None if another process asks
    /// its own policies.
    admission: Option<(Arc<P>, Connection)>,
    end: Option<oneshot::Sender<Refusal>>,
}

/// The byte counters and the flow record of one connection.
#[derive(Debug)]
pub struct ConnectionRecord {
    /// Bytes carried so far.
    pub counters: Arc<Counters>,
    dialled: Dialled,
    record: RefCell<Option<FlowRecord>>,
}

/// Which end of the copy is the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialled {
    /// The near end is the client: the Pod dialled.
    ByNear,
    /// The far end is the client: the Pod was dialled.
    ByFar,
}

/// A connection's entry in the register; its drop removes the entry.
#[derive(Debug)]
pub struct Registration<P> {
    id: u64,
    live: Live<P>,
    /// Its byte counters and flow record.
    pub record: ConnectionRecord,
}

/// Completes when the mesh ends a registered connection.
#[derive(Debug)]
pub struct Ending {
    ended: oneshot::Receiver<Refusal>,
}

impl<P> Default for Live<P> {
    fn default() -> Self {
        Self { inner: Rc::new(Inner { next: Cell::default(), entries: RefCell::default() }) }
    }
}

impl<P> Clone for Live<P> {
    fn clone(&self) -> Self {
        Self { inner: Rc::clone(&self.inner) }
    }
}

impl<P: AsRef<LocalPod>> Live<P> {
    /// Registers a connection of `pod`.
    pub fn register(&self, pod: &Arc<P>, record: FlowRecord, dialled: Dialled) -> (Registration<P>, Ending) {
        let id = self.inner.next.replace(self.inner.next.get().wrapping_add(1));
        let (end, ended) = oneshot::channel();
        let record =
            ConnectionRecord { counters: Arc::default(), dialled, record: RefCell::new(Some(record)) };
        let entry = LiveEntry { pod: Arc::clone(pod), admission: None, end: Some(end) };
        self.inner.entries.borrow_mut().insert(id, entry);
        (Registration { id, live: self.clone(), record }, Ending { ended })
    }

    /// Authorizes again each connection whose policies have changed, and ends those that are now refused.
    pub fn recheck(&self, before: &Mesh, after: &Mesh) {
        let mut same: HashMap<*const P, bool> = HashMap::new();
        for entry in self.inner.entries.borrow_mut().values_mut() {
            let Some((pod, connection)) = &entry.admission else { continue };
            let local = (**pod).as_ref();
            let unchanged =
                *same.entry(Arc::as_ptr(pod)).or_insert_with(|| authz::same_policies(before, after, local));
            if unchanged {
                continue;
            }
            match authz::authorize(after, local, connection).decision {
                Ok(()) => {}
                // The Pod's workload has left the configuration before the Pod: admitted connections stay.
                Err(Refusal::NotConfigured) => {}
                Err(refusal) => entry.end(refusal),
            }
        }
    }

    /// Ends the connections of all Pods except those that `remains` selects.
    pub fn end_all_but(&self, remains: impl Fn(&Arc<P>) -> bool, reason: Closing) {
        for entry in self.inner.entries.borrow_mut().values_mut() {
            if !entry.pods().all(&remains) {
                entry.end(Refusal::Closing(reason));
            }
        }
    }

    /// Open connections.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.entries.borrow().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<P> LiveEntry<P> {
    fn pods(&self) -> impl Iterator<Item = &Arc<P>> {
        std::iter::once(&self.pod).chain(self.admission.iter().map(|(pod, _)| pod))
    }

    fn end(&mut self, refusal: Refusal) {
        if let Some(end) = self.end.take() {
            // Without a receiver the connection has ended already.
            let _ = end.send(refusal);
        }
    }
}

impl ConnectionRecord {
    /// Records that both ends are connected.
    pub fn established(&self) {
        if let Some(record) = self.record.borrow_mut().as_mut() {
            let counters = Arc::clone(&self.counters);
            record.established(move || Moved { sent: counters.sent(), received: counters.received() });
        }
    }

    /// Adds details to the flow record.
    pub fn describe(&self, more: impl FnOnce(&mut karez_flow::Flow)) {
        if let Some(record) = self.record.borrow_mut().as_mut() {
            more(record.flow_mut());
        }
    }

    /// Ends the flow record; a second call changes nothing.
    pub fn finish(&self, outcome: impl Into<Outcome>) {
        if let Some(record) = self.record.borrow_mut().take() {
            record.finish(outcome);
        }
    }

    /// Which end is the client.
    #[must_use]
    pub fn dialled(&self) -> Dialled {
        self.dialled
    }
}

impl<P> Registration<P> {
    /// Lets every change of the policies of `pod` authorize the connection again. Call it before the first authorization.
    pub fn admitted_to(&self, pod: &Arc<P>, connection: Connection) {
        if let Some(entry) = self.live.inner.entries.borrow_mut().get_mut(&self.id) {
            entry.admission = Some((Arc::clone(pod), connection));
        }
    }

    /// Forgets the Pod of `admitted_to`: it was not reached, and another one is tried.
    pub fn not_admitted(&self) {
        if let Some(entry) = self.live.inner.entries.borrow_mut().get_mut(&self.id) {
            entry.admission = None;
        }
    }
}

impl Ending {
    /// Waits until the mesh ends the connection. Cancel-safe.
    pub async fn reached(&mut self) -> Refusal {
        // The sender lives as long as the registration's own entry.
        (&mut self.ended).await.unwrap_or(Refusal::Closing(Closing::Draining))
    }
}

impl<P> Drop for Registration<P> {
    fn drop(&mut self) {
        let mut entries = self.live.inner.entries.borrow_mut();
        entries.remove(&self.id);
        // Gives memory back after a burst of connections.
        if entries.capacity() > 4 * entries.len() + ROOM {
            let room = 2 * entries.len() + ROOM;
            entries.shrink_to(room);
        }
    }
}
