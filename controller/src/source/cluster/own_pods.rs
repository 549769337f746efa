//! Finds the mesh's own Pods among all.

use std::collections::BTreeMap;
use std::sync::Arc;

use karez_resources::pod::Pod;
use karez_resources::{Key, Kind, Resource};
use karez_translate::Delta;
use tokio::sync::watch;

use super::watch::Observer;
use crate::callers::{OwnPod, OwnPods, OwnPodsReader, Program};

/// Keeps the mesh's own Pods as the watch of Pods says.
#[derive(Debug)]
pub(super) struct OwnPodsWatch {
    namespace: String,
    uids: BTreeMap<String, String>,
    current: watch::Sender<Arc<OwnPods>>,
}

impl OwnPodsWatch {
    /// Those of a namespace.
    pub(super) fn new(namespace: &str) -> (Self, OwnPodsReader) {
        let (current, reader) = watch::channel(Arc::default());
        (Self { namespace: namespace.to_owned(), uids: BTreeMap::new(), current }, reader)
    }

    fn set(&mut self, pods: &mut Arc<OwnPods>, pod: &Pod) {
        let program = pod.service_account.as_deref().and_then(Program::of_account);
        let program = program.filter(|_| pod.namespace == self.namespace);
        let Some((program, uid)) = program.zip(pod.uid.clone()) else { return };
        if !pod.is_live() {
            self.forget(pods, &pod.name);
            return;
        }
        let own = OwnPod { name: pod.name.clone(), program, node: pod.node.clone() };
        if pods.get(&uid) == Some(&own) {
            return;
        }
        // Its predecessor of the same name is gone, though no event may say so.
        self.forget(pods, &pod.name);
        self.uids.insert(pod.name.clone(), uid.clone());
        Arc::make_mut(pods).insert(uid, own);
    }

    fn gone(&mut self, pods: &mut Arc<OwnPods>, key: &Key) {
        if key.kind == Kind::Pod && key.namespace == self.namespace {
            self.forget(pods, &key.name);
        }
    }

    fn forget(&mut self, pods: &mut Arc<OwnPods>, name: &str) {
        if let Some(uid) = self.uids.remove(name) {
            Arc::make_mut(pods).remove(&uid);
        }
    }
}

impl Observer for OwnPodsWatch {
    fn observe(&mut self, deltas: &[Delta], _listed: bool) {
        let before = Arc::clone(&self.current.borrow());
        let mut present = before;
        for delta in deltas {
            match delta {
                Delta::Set { resource, .. } => {
                    if let Resource::Pod(pod) = &**resource {
                        self.set(&mut present, pod);
                    }
                }
                // It is what it was.
                Delta::Unreadable { .. } => {}
                Delta::Gone(key) => self.gone(&mut present, key),
            }
        }
        self.current.send_if_modified(|current| {
            let differs = *current != present;
            *current = present;
            differs
        });
    }
}

#[cfg(test)]
mod tests;
