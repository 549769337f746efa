//! `karez-controller`: reads the settings, starts the controller, and stops it when it is told to.

use std::process::ExitCode;

use karez_controller::{Controller, ControllerError, Settings};
use karez_process::{limits, logs, settings, signals};

fn main() -> ExitCode {
    let settings = settings::parse::<Settings>();
    let _flush = match logs::start(&settings.logs) {
        Ok(flush) => flush,
        Err(error) => {
            // There is no log to say it in.
            #[allow(clippy::print_stderr)]
            {
                eprintln!("karez-controller: {error}");
            }
            return ExitCode::FAILURE;
        }
    };
    match run(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "karez-controller ends");
            ExitCode::FAILURE
        }
    }
}

fn run(settings: Settings) -> Result<(), ControllerError> {
    let open_files = limits::raise_open_files()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let signals = signals::Signals::catch()?;
        let controller = Controller::start(settings, open_files).await?;
        controller.run(signals).await
    })
}
