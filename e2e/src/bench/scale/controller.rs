//! The controller that is measured: the real program.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use karez_lab::Process;

use crate::bench::usage;

const READY: &str = "http://127.0.0.1:15014/healthz/ready";
/// Far more than a start takes: for whoever runs a debug build.
const START_LIMIT: Duration = Duration::from_secs(600);
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A controller that serves.
#[derive(Debug)]
pub struct Controller(Process);

/// What it took until it served.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// CPU time.
    pub cpu: Duration,
    /// Time.
    pub wall: Duration,
    /// Resident memory then.
    pub rss_kib: u64,
}

impl Controller {
    /// Starts the program by `command`, with its log in `folder`, and waits until it serves.
    ///
    /// # Errors
    /// When it does not.
    pub fn start(folder: &Path, command: Command) -> Result<(Self, Start)> {
        let began = Instant::now();
        let mut process = Process::start("controller", folder, command)?;
        process.wait_for("the controller to serve", START_LIMIT, ask_ready)?;
        let controller = Self(process);
        let start =
            Start { cpu: controller.cpu()?, wall: began.elapsed(), rss_kib: controller.resident_kib()? };
        Ok((controller, start))
    }

    /// CPU time so far.
    ///
    /// # Errors
    /// When it has ended.
    pub fn cpu(&self) -> Result<Duration> {
        usage::cpu_time(self.0.pid())
    }

    /// Resident memory.
    ///
    /// # Errors
    /// When it has ended.
    pub fn resident_kib(&self) -> Result<u64> {
        usage::memory_kib(self.0.pid())
    }

    /// Stops it.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn stop(self) -> Result<()> {
        self.0.terminate(STOP_LIMIT).context("stopping the controller").map(drop)
    }
}

fn ask_ready() -> Result<()> {
    let asked = Command::new("curl").args(["-s", "-f", "-m", "2", "-o", "/dev/null", READY]).status()?;
    ensure!(asked.success(), "{READY}: curl ended with {asked}");
    Ok(())
}
