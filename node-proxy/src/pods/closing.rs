//! Removed Pods whose sockets the workers are still closing. The agent may remove a Pod's rules
//! only once its last socket is closed.

use std::collections::BTreeMap;
use std::time::Duration;

use karez_handover::pod::PodReference;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long the workers have. The agent waits 5 s for the answer, and then resets open sockets itself.
const CLOSED_WITHIN: Duration = Duration::from_secs(3);

/// The Pods being closed. A Pod that returns and leaves meanwhile is counted twice.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    pods: JoinSet<PodReference>,
    open: BTreeMap<PodReference, usize>,
}

impl Closing {
    /// Adds a Pod, whose sockets are closed when `closed` completes.
    pub(crate) fn add(&mut self, pod: PodReference, closed: impl Future<Output = ()> + Send + 'static) {
        *self.open.entry(pod.clone()).or_default() += 1;
        self.pods.spawn(async move {
            if timeout(CLOSED_WITHIN, closed).await.is_err() {
                tracing::warn!(pod = %pod.uid, "workers have not closed all of the Pod's sockets in time: the agent resets them");
            }
            pod
        });
    }

    /// Whether a socket of this Pod is still open.
    pub(crate) fn contains(&self, pod: &PodReference) -> bool {
        self.open.contains_key(pod)
    }

    /// Waits for the next Pod whose sockets are all closed. Cancel-safe.
    pub(crate) async fn next(&mut self) -> PodReference {
        loop {
            match self.pods.join_next().await {
                Some(Ok(pod)) if self.is_last(&pod) => return pod,
                // Another instance is still closing. None of the tasks panics or is aborted.
                Some(Ok(_) | Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    fn is_last(&mut self, pod: &PodReference) -> bool {
        let Some(open) = self.open.get_mut(pod) else { return true };
        *open -= 1;
        let is_last = *open == 0;
        if is_last {
            self.open.remove(pod);
        }
        is_last
    }
}

#[cfg(test)]
mod tests;
