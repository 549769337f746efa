//! The plugin as a program: a container runtime runs it with `CNI_COMMAND` and other variables set.

use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use karez_cni::failure::{Code, Failure};
use karez_cni::invocation::Invocation;
use karez_cni::plugin;

/// Bytes of a network's configuration with the result of the plugins before.
const LARGEST_INPUT: u64 = 4 * 1024 * 1024;
/// Told in a failure whatever the runtime speaks: the form is the same in all versions.
const VERSION: &str = "1.0.0";

fn main() -> ExitCode {
    let (answer, code) = match call() {
        Ok(answer) => (answer, ExitCode::SUCCESS),
        Err(failure) => (failure.to_json(VERSION), ExitCode::FAILURE),
    };
    // Nobody is left to be told of a failure.
    let _ = io::stdout().write_all(answer.as_bytes());
    code
}

fn call() -> Result<String, Failure> {
    let invocation = Invocation::read(|name| std::env::var(name).ok())?;
    let mut input = Vec::new();
    if matches!(invocation, Invocation::Add(_) | Invocation::AddForeign) {
        let read = io::stdin().lock().take(LARGEST_INPUT).read_to_end(&mut input);
        read.map_err(|error| Failure::new(Code::Io, format!("cannot read standard input: {error}")))?;
    }
    plugin::run(&invocation, &input, uptime())
}

/// How long the node has been running; as good as endless where that cannot be read.
fn uptime() -> Duration {
    let text = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds = text.split_whitespace().next().and_then(|seconds| seconds.parse().ok());
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or(Duration::MAX)
}
