//! Packets seen between the nodes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::namespace::Namespace;
use crate::process::Process;
use crate::wait;

/// A running packet capture.
#[derive(Debug)]
pub struct Wire {
    tcpdump: Process,
    file: PathBuf,
}

impl Wire {
    /// Captures on one interface; returns once packets are being seen.
    ///
    /// # Errors
    /// When tcpdump cannot be started.
    pub fn tap(namespace: &Namespace, interface: &str, folder: &Path, filter: &str) -> Result<Self> {
        static TAPS: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}-{interface}-{}", namespace.name(), TAPS.fetch_add(1, Ordering::Relaxed));
        let file = folder.join(format!("{name}.pcap"));
        let mut command = namespace.command("tcpdump");
        // -Z root: tcpdump would change to a user that a namespace with one uid does not have.
        // Immediate mode: without it the last packets before the end are lost in the kernel's block.
        command
            .args(["-i", interface, "--immediate-mode", "-U", "-n", "-s", "0", "-B", "16384", "-Z", "root", "-w"])
            .arg(&file)
            .arg(filter);
        let tcpdump = Process::start(&format!("tcpdump-{name}"), folder, command)?;
        wait::until("tcpdump to listen", Duration::from_secs(10), || {
            tcpdump.log().contains("listening on").then_some(()).context("not yet")
        })?;
        Ok(Self { tcpdump, file })
    }

    /// Ends the capture and gives its bytes.
    ///
    /// # Errors
    /// When tcpdump does not end or left no file.
    pub fn finish(self) -> Result<Capture> {
        self.tcpdump.terminate(Duration::from_secs(10))?;
        Ok(Capture { bytes: std::fs::read(&self.file)?, file: self.file })
    }
}

/// What was captured.
#[derive(Debug)]
pub struct Capture {
    bytes: Vec<u8>,
    file: PathBuf,
}

impl Capture {
    /// Whether these bytes appear in the clear in any packet.
    #[must_use]
    pub fn contains(&self, needle: &[u8]) -> bool {
        !needle.is_empty() && self.bytes.windows(needle.len()).any(|window| window == needle)
    }

    /// How many packets match a filter.
    ///
    /// # Errors
    /// When tcpdump cannot read the file.
    pub fn count(&self, filter: &str) -> Result<usize> {
        Ok(self.lines(filter, &[])?.len())
    }

    /// tcpdump's own lines for the packets that match a filter.
    ///
    /// # Errors
    /// When tcpdump cannot read the file.
    pub fn lines(&self, filter: &str, options: &[&str]) -> Result<Vec<String>> {
        let output = std::process::Command::new("tcpdump")
            .args(["-n", "-r"])
            .arg(&self.file)
            .args(options)
            .arg(filter)
            .output()?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }
}
