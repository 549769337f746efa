//! A program that has so much time and no more.

use std::io::{self, Write as _};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Runs the program in the namespaces of the calling thread, gives it `input` and waits for its end.
///
/// # Errors
/// When it cannot be started; `TimedOut` when it has not ended within `limit`, and is killed.
pub(crate) fn output_within(limit: Duration, mut program: Command, input: &str) -> io::Result<Output> {
    let child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let pid = Pid::from_raw(child.id().cast_signed());
    let (ended, end) = mpsc::channel();
    let input = input.to_owned();
    // On a thread of its own, which is left behind: one that is held up inside the kernel does not even die of SIGKILL at once.
    thread::Builder::new().name("program".to_owned()).spawn(move || {
        // Nobody waits any more when it was too late.
        let _ = ended.send(attend(child, &input));
    })?;
    end.recv_timeout(limit).unwrap_or_else(|_| {
        // Ended it has a moment ago at the most: its number is nobody else's yet.
        let _ = kill(pid, Signal::SIGKILL);
        Err(io::ErrorKind::TimedOut.into())
    })
}

fn attend(mut child: Child, input: &str) -> io::Result<Output> {
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends without reading says why in its output; that is the error to show.
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output()
}

#[cfg(test)]
mod tests;
