//! SIGTERM and SIGINT start the drain; a second one ends the process at once. SIGHUP does nothing.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::drain::Trigger;

/// The signals, caught from now on.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// The signal that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// SIGTERM: sent by kubelet and service managers.
    Terminate,
    /// SIGINT: Ctrl-C.
    Interrupt,
}

impl Received {
    /// The exit code of a process ended by that signal: 128 plus its number.
    #[must_use]
    pub fn exit_code(self) -> i32 {
        let number = match self {
            Self::Terminate => SignalKind::terminate(),
            Self::Interrupt => SignalKind::interrupt(),
        };
        128 + number.as_raw_value()
    }
}

impl Signals {
    /// Catches the signals in the current runtime.
    ///
    /// # Errors
    /// The system's error.
    pub fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next signal. Cancel-safe.
    pub async fn received(&mut self) -> Received {
        loop {
            // `None` means that this signal cannot come any more, so the others count.
            tokio::select! {
                Some(()) = self.terminate.recv() => return Received::Terminate,
                Some(()) = self.interrupt.recv() => return Received::Interrupt,
                // The sender wants logs or settings reopened, not connections cut.
                Some(()) = self.hangup.recv() => {
                    tracing::info!("SIGHUP: nothing to do, files are read again by themselves");
                }
                else => std::future::pending().await,
            }
        }
    }

    /// The first signal starts the drain, the second ends the process. Run it beside the work, on a thread that is
    /// never busy.
    pub async fn drain(mut self, trigger: Trigger, deadline: Duration) {
        self.first_drains(&trigger, deadline).await;
        let received = self.received().await;
        tracing::warn!(?received, "second signal: ending at once");
        std::process::exit(received.exit_code());
    }

    async fn first_drains(&mut self, trigger: &Trigger, deadline: Duration) {
        let received = self.received().await;
        tracing::info!(?received, ?deadline, "draining");
        trigger.start(deadline);
    }
}

#[cfg(test)]
mod tests;
