//! Prints.

use std::io::{self, ErrorKind, Write};

use karez_api::printable::one_line;
use serde::Serialize;

use crate::failure::Failure;

/// Prints text as it is.
///
/// # Errors
/// When stdout takes nothing. A reader that has seen enough, such as `head`, is no error.
pub fn text(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Wrong(format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints JSON, indented.
///
/// # Errors
/// As [`text`].
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let rendered = serde_json::to_string_pretty(value).map_err(|error| Failure::Wrong(error.to_string()))?;
    text(&format!("{rendered}\n"))
}

/// Says on stderr how far it is, beside what is printed.
pub fn progress(message: &str) {
    #[allow(clippy::print_stderr, reason = "it is not what the command prints")]
    {
        eprintln!("karez: {}", one_line(message));
    }
}
