//! `karez`: reads the arguments, and exits with what became of them.

use std::process::ExitCode;

use karez_cli::{Failure, Settings};
use karez_process::settings;

fn main() -> ExitCode {
    let settings = settings::parse::<Settings>();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(karez_cli::run(settings)),
        Err(error) => Err(Failure::Wrong(error.to_string())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
