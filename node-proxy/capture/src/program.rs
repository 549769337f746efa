//! Runs a program with a time limit.

use std::io::{self, Write as _};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Runs the program in the calling thread's namespaces, with `input`, and waits for its end.
///
/// # Errors
/// When it cannot be started. `TimedOut` when it has not ended within `limit` and is killed.
pub(crate) fn output_within(limit: Duration, mut program: Command, input: &str) -> io::Result<Output> {
    let child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let pid = Pid::from_raw(child.id().cast_signed());
    let (ended, end) = mpsc::channel();
    let input = input.to_owned();
    // A separate thread, which may stay behind: a program held up inside the kernel does not die of SIGKILL at once.
    thread::Builder::new().name("program".to_owned()).spawn(move || {
        // After the timeout nobody waits.
        let _ = ended.send(attend(child, &input));
    })?;
    end.recv_timeout(limit).unwrap_or_else(|_| {
        // If it ended, then only just now: its number has no new owner yet.
        let _ = kill(pid, Signal::SIGKILL);
        Err(io::ErrorKind::TimedOut.into())
    })
}

fn attend(mut child: Child, input: &str) -> io::Result<Output> {
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends without reading explains why in its output, which is the error to show.
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output()
}

#[cfg(test)]
mod tests;
