//! The plugin as a program: a container runtime runs it with `CNI_COMMAND` and other variables set.

use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

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
    if matches!(invocation, Invocation::Add(_)) {
        let read = io::stdin().lock().take(LARGEST_INPUT).read_to_end(&mut input);
        read.map_err(|error| Failure::new(Code::Io, format!("cannot read standard input: {error}")))?;
    }
    plugin::run(&invocation, &input)
}
