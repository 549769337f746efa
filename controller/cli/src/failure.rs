//! Exit statuses, and what to do next.

use std::process::ExitCode;

use karez_api::printable::one_line;

/// Why the command did not end with 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Something is wrong, and has been printed: exit status 1.
    Found,
    /// Something is wrong: exit status 1.
    Wrong(String),
    /// An argument cannot be used: exit status 2.
    Usage(String),
    /// A program cannot be reached: exit status 3.
    Unreachable(String),
}

/// An error with its causes: errors of transports say nothing by themselves.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let texts = std::iter::once(error.to_string()).chain(causes.map(ToString::to_string));
    let mut texts: Vec<String> = texts.collect();
    texts.dedup();
    texts.join(": ")
}

impl Failure {
    /// What is wrong; empty where it has been printed.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Found => "",
            Self::Wrong(message) | Self::Usage(message) | Self::Unreachable(message) => message,
        }
    }

    /// Says on stderr what is wrong, and returns the exit status.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        let (message, status) = match self {
            Self::Found => (None, 1),
            Self::Wrong(message) => (Some(message), 1),
            Self::Usage(message) => (Some(message), 2),
            Self::Unreachable(message) => (Some(message), 3),
        };
        if let Some(message) = message {
            #[allow(clippy::print_stderr, reason = "it is what a command says errors on")]
            {
                eprintln!("karez: {}", one_line(message));
            }
        }
        ExitCode::from(status)
    }
}
