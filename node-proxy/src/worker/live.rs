//! Every connection that is open on this worker: registered before it is authorized, so that no policy change slips in between;
//! asked again when policies change, and ended when its Pod leaves.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use karez_api::outcome::{Closing, Outcome, Refusal};
use karez_flow::{FlowRecord, Moved};
use karez_handover::pod::PodReference;
use karez_mesh::Mesh;
use karez_mesh::authz::{self, Connection};
use karez_tunnel::copy::Counters;
use tokio::sync::oneshot;

use crate::pod::Pod;

/// Connections that there is always room for.
const ROOM: usize = 64;

/// The open connections of one worker. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Live {
    inner: Rc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    next: Cell<u64>,
    entries: RefCell<HashMap<u64, Entry>>,
}

#[derive(Debug)]
struct Entry {
    /// Whose application is the near end.
    pod: Arc<Pod>,
    /// The Pod whose policies were asked, and what; none for what leaves this process by a tunnel or in the clear.
    admission: Option<(Arc<Pod>, Connection)>,
    end: Option<oneshot::Sender<Refusal>>,
}

/// The bytes and the record of one connection, seen by the task that carries it and by the worker that counts.
#[derive(Debug)]
pub(crate) struct Account {
    /// What was carried.
    pub(crate) counters: Arc<Counters>,
    dialled: Dialled,
    record: RefCell<Option<FlowRecord>>,
}

/// Which end of the copy is the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialled {
    /// The near end is the client: the Pod dialled.
    ByNear,
    /// The far end is the client: the Pod was dialled.
    ByFar,
}

/// One registered connection; leaves the register when dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    id: u64,
    live: Live,
    /// Its bytes and record.
    pub(crate) account: Account,
}

/// Tells when the mesh ends a registered connection.
#[derive(Debug)]
pub(crate) struct Ending {
    ended: oneshot::Receiver<Refusal>,
}

impl Live {
    /// Registers a connection of `pod`.
    pub(crate) fn enter(&self, pod: &Arc<Pod>, record: FlowRecord, dialled: Dialled) -> (Ticket, Ending) {
        let id = self.inner.next.replace(self.inner.next.get().wrapping_add(1));
        let (end, ended) = oneshot::channel();
        let account = Account { counters: Arc::default(), dialled, record: RefCell::new(Some(record)) };
        let entry = Entry { pod: Arc::clone(pod), admission: None, end: Some(end) };
        self.inner.entries.borrow_mut().insert(id, entry);
        (Ticket { id, live: self.clone(), account }, Ending { ended })
    }

    /// Asks the policies again about every connection that they may see differently now, and ends those that are no
    /// longer admitted.
    pub(crate) fn recheck(&self, before: &Mesh, after: &Mesh) {
        let mut same: HashMap<PodReference, bool> = HashMap::new();
        for entry in self.inner.entries.borrow_mut().values_mut() {
            let Some((pod, connection)) = &entry.admission else { continue };
            let local = &pod.local;
            let unchanged = *same
                .entry(pod.enrolled.reference.clone())
                .or_insert_with(|| authz::same_policies(before, after, local));
            if unchanged {
                continue;
            }
            match authz::authorize(after, local, connection).decision {
                Ok(()) => {}
                // The Pod's workload has left the configuration before the Pod itself has: what was admitted stays.
                Err(Refusal::NotConfigured) => {}
                Err(refusal) => entry.end(refusal),
            }
        }
    }

    /// Ends the connections of Pods that are not to be carried any more.
    pub(crate) fn end_all_but(&self, remains: impl Fn(&Arc<Pod>) -> bool, reason: Closing) {
        for entry in self.inner.entries.borrow_mut().values_mut() {
            if !entry.pods().all(&remains) {
                entry.end(Refusal::Closing(reason));
            }
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.inner.entries.borrow().len()
    }
}

impl Entry {
    fn pods(&self) -> impl Iterator<Item = &Arc<Pod>> {
        std::iter::once(&self.pod).chain(self.admission.iter().map(|(pod, _)| pod))
    }

    fn end(&mut self, refusal: Refusal) {
        if let Some(end) = self.end.take() {
            // A receiver that is gone has ended by itself.
            let _ = end.send(refusal);
        }
    }
}

impl Account {
    /// Both ends are connected.
    pub(crate) fn established(&self) {
        if let Some(record) = self.record.borrow_mut().as_mut() {
            let counters = Arc::clone(&self.counters);
            record.established(move || Moved { sent: counters.sent(), received: counters.received() });
        }
    }

    /// Adds to what is known of the connection.
    pub(crate) fn describe(&self, more: impl FnOnce(&mut karez_flow::Flow)) {
        if let Some(record) = self.record.borrow_mut().as_mut() {
            more(record.flow_mut());
        }
    }

    /// Ends the record; a second end changes nothing.
    pub(crate) fn finish(&self, outcome: impl Into<Outcome>) {
        if let Some(record) = self.record.borrow_mut().take() {
            record.finish(outcome);
        }
    }

    /// Which end is the client.
    pub(crate) fn dialled(&self) -> Dialled {
        self.dialled
    }
}

impl Ticket {
    /// From now on the policies of `pod` are asked about the connection whenever they change. To be called before they are
    /// asked for the first time.
    pub(crate) fn admitted_to(&self, pod: &Arc<Pod>, connection: Connection) {
        if let Some(entry) = self.live.inner.entries.borrow_mut().get_mut(&self.id) {
            entry.admission = Some((Arc::clone(pod), connection));
        }
    }

    /// That Pod was not reached: another one is tried.
    pub(crate) fn not_admitted(&self) {
        if let Some(entry) = self.live.inner.entries.borrow_mut().get_mut(&self.id) {
            entry.admission = None;
        }
    }
}

impl Ending {
    /// Waits until the mesh ends the connection. Cancel safe.
    pub(crate) async fn reached(&mut self) -> Refusal {
        // The sender lives as long as the ticket's own entry.
        (&mut self.ended).await.unwrap_or(Refusal::Closing(Closing::Draining))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut entries = self.live.inner.entries.borrow_mut();
        entries.remove(&self.id);
        // After many connections the room for them is given back.
        if entries.capacity() > 4 * entries.len() + ROOM {
            let room = 2 * entries.len() + ROOM;
            entries.shrink_to(room);
        }
    }
}
