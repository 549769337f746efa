//! Tasks whose owner joins them.

use std::collections::HashMap;
use std::future::Future;

use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

use crate::drain::Drain;

/// Tasks by name. Dropping it aborts them.
#[derive(Debug, Default)]
pub struct Tasks {
    running: JoinSet<()>,
    names: HashMap<Id, String>,
}

/// A task that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The name that it was spawned under.
    pub name: String,
    /// Whether it panicked instead of returning.
    pub panicked: bool,
}

impl Tasks {
    /// No tasks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `task` on the current runtime.
    pub fn spawn(&mut self, name: impl Into<String>, task: impl Future<Output = ()> + Send + 'static) {
        let handle = self.running.spawn(task);
        self.remember(name, &handle);
    }

    /// Runs `task`, which need not be `Send`, on the current `LocalSet` or local runtime.
    pub fn spawn_local(&mut self, name: impl Into<String>, task: impl Future<Output = ()> + 'static) {
        let handle = self.running.spawn_local(task);
        self.remember(name, &handle);
    }

    fn remember(&mut self, name: impl Into<String>, handle: &AbortHandle) {
        self.names.insert(handle.id(), name.into());
    }

    /// Tasks not joined yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.running.len()
    }

    /// Whether all tasks are joined.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Waits for the next task to end. `None` if none is left. Cancel-safe.
    pub async fn ended(&mut self) -> Option<Ended> {
        let joined = self.running.join_next_with_id().await?;
        Some(self.forget(joined))
    }

    /// Waits until all tasks have ended. When `drain` is over, aborts the rest and returns their names.
    ///
    /// Logs a task's panic.
    pub async fn join(mut self, drain: &Drain) -> Vec<String> {
        let over = drain.over();
        tokio::pin!(over);
        loop {
            tokio::select! {
                ended = self.ended() => match ended {
                    None => return Vec::new(),
                    Some(Ended { name, panicked: true }) => tracing::error!(task = name, "panicked"),
                    Some(_) => {}
                },
                () = &mut over => break,
            }
        }
        self.running.shutdown().await;
        let mut aborted: Vec<String> = self.names.into_values().collect();
        aborted.sort();
        aborted
    }

    fn forget(&mut self, joined: Result<(Id, ()), JoinError>) -> Ended {
        let (id, panicked) = match joined {
            Ok((id, ())) => (id, false),
            Err(error) => (error.id(), error.is_panic()),
        };
        Ended { name: self.names.remove(&id).unwrap_or_default(), panicked }
    }
}

#[cfg(test)]
mod tests;
