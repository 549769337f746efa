//! The commands of one Pod's task, in their order. A task that waits can look for one that ends its wait.

use std::collections::VecDeque;

use karez_handover::pod::PodReference;
use tokio::sync::mpsc;

use super::Command;

/// Most commands that are kept while the task waits; further ones stay in the mailbox.
const MOST_KEPT: usize = 16;

/// The commands that a task has not executed.
#[derive(Debug)]
pub(super) struct CommandQueue<S> {
    kept: VecDeque<Command<S>>,
    mailbox: mpsc::Receiver<Command<S>>,
}

impl<S> CommandQueue<S> {
    pub(super) fn new(mailbox: mpsc::Receiver<Command<S>>) -> Self {
        Self { kept: VecDeque::new(), mailbox }
    }

    /// The next command; None when nobody can send one any more. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Command<S>> {
        match self.kept.pop_front() {
            Some(command) => Some(command),
            None => self.mailbox.recv().await,
        }
    }

    /// The next command, if there is one already.
    pub(super) fn next_now(&mut self) -> Option<Command<S>> {
        self.kept.pop_front().or_else(|| self.mailbox.try_recv().ok())
    }

    /// Returns once the Pod is to be enrolled. That command and those before it stay in the queue. Cancel-safe.
    pub(super) async fn enrolment(&mut self, of: &PodReference) {
        let is_meant = |command: &Command<S>| matches!(command, Command::Enrol(new_pod, ..) if new_pod.record.pod.reference == *of);
        while !self.kept.iter().any(is_meant) {
            if self.kept.len() >= MOST_KEPT {
                return std::future::pending().await;
            }
            match self.mailbox.recv().await {
                Some(command) => self.kept.push_back(command),
                None => return std::future::pending().await,
            }
        }
    }
}
