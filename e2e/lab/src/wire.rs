//! Packets seen between the nodes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::namespace::Namespace;
use crate::privilege::Privilege;
use crate::process::Process;
use crate::wait;

/// Who reads a capture where root may not.
const NOBODY: u32 = 65534;

/// A running packet capture.
#[derive(Debug)]
pub struct Wire {
    sniffer: Process,
    file: PathBuf,
    filter: String,
    privilege: Privilege,
}

impl Wire {
    /// Captures on one interface; returns once packets are being seen.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn tap(namespace: &Namespace, interface: &str, folder: &Path, filter: &str) -> Result<Self> {
        static TAPS: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}-{interface}-{}", namespace.name(), TAPS.fetch_add(1, Ordering::Relaxed));
        let file = folder.join(format!("{name}.pcap"));
        let privilege = Privilege::detect()?;
        let command = match privilege {
            Privilege::Root => tcpdump(namespace, interface, &file, filter),
            Privilege::OneUid => sniffer(namespace, interface, &file),
        };
        let mut sniffer = Process::start(&format!("wire-{name}"), folder, command)?;
        wait::until("the packet capture to begin", Duration::from_secs(10), || {
            sniffer.ensure_running()?;
            sniffer.log().contains("listening on").then_some(()).context("not yet")
        })?;
        Ok(Self { sniffer, file, filter: filter.to_owned(), privilege })
    }

    /// Ends the capture and gives its bytes.
    ///
    /// # Errors
    /// When it does not end or left no file.
    pub fn finish(self) -> Result<Capture> {
        self.sniffer.terminate(Duration::from_secs(10))?;
        let capture =
            Capture { bytes: std::fs::read(&self.file)?, file: self.file, privilege: self.privilege };
        match self.privilege {
            Privilege::Root => Ok(capture),
            Privilege::OneUid => capture.only(&self.filter),
        }
    }
}

fn tcpdump(namespace: &Namespace, interface: &str, file: &Path, filter: &str) -> Command {
    let mut command = namespace.command("tcpdump");
    // Immediate mode: without it the last packets before the end are lost in the kernel's block.
    command.args([
        "-i",
        interface,
        "--immediate-mode",
        "-U",
        "-n",
        "-s",
        "0",
        "-B",
        "16384",
        "-Z",
        "root",
        "-w",
    ]);
    command.arg(file).arg(filter);
    command
}

/// tcpdump insists on changing its user and groups, which a user namespace with one uid does not let it.
fn sniffer(namespace: &Namespace, interface: &str, file: &Path) -> Command {
    let mut command = namespace.command("python3");
    command.args(["-c", include_str!("wire/sniff.py"), interface]).arg(file);
    command
}

/// What was captured.
#[derive(Debug)]
pub struct Capture {
    bytes: Vec<u8>,
    file: PathBuf,
    privilege: Privilege,
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

    /// What the first TCP segment that matches a filter carries, if any does.
    ///
    /// # Errors
    /// When tcpdump cannot read the file.
    pub fn payload(&self, filter: &str) -> Result<Option<Vec<u8>>> {
        let dump = self.lines(filter, &["-x", "-c", "1"])?;
        let hex: String = dump
            .iter()
            .filter_map(|line| line.trim().strip_prefix("0x")?.split_once(':'))
            .map(|(_, hex)| hex)
            .collect();
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let packet: Option<Vec<u8>> = digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        Ok(packet.as_deref().and_then(carried).map(<[u8]>::to_vec))
    }

    /// tcpdump's own lines for the packets that match a filter.
    ///
    /// # Errors
    /// When tcpdump cannot read the file.
    pub fn lines(&self, filter: &str, options: &[&str]) -> Result<Vec<String>> {
        let output = self.read(&[options, &[filter]].concat())?;
        Ok(String::from_utf8_lossy(&output).lines().map(str::to_owned).collect())
    }

    /// What is left of it by a filter.
    fn only(self, filter: &str) -> Result<Self> {
        Ok(Self { bytes: self.read(&["-w", "-", filter])?, ..self })
    }

    /// What tcpdump prints of the file.
    fn read(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        let words = match self.privilege {
            Privilege::Root => Vec::new(),
            Privilege::OneUid => self.privilege.not_uid_zero(NOBODY),
        };
        let mut words = words.iter().map(String::as_str).chain(["tcpdump", "-n", "-r"]);
        let mut command = Command::new(words.next().unwrap_or("tcpdump"));
        let output = command.args(words).arg(&self.file).args(arguments).output()?;
        ensure!(output.status.success(), "tcpdump: {}", String::from_utf8_lossy(&output.stderr));
        Ok(output.stdout)
    }
}

/// What a TCP segment carries, from its IP header on (RFC 791, RFC 8200 without extensions, RFC 9293).
fn carried(packet: &[u8]) -> Option<&[u8]> {
    let header = match packet.first()? >> 4 {
        4 => usize::from(packet.first()? & 0xf) * 4,
        6 => 40,
        _ => return None,
    };
    let segment = packet.get(header..)?;
    segment.get(usize::from(segment.get(12)? >> 4) * 4..)
}

#[cfg(test)]
mod tests {
    use super::carried;

    #[test]
    fn a_segments_payload_is_found_behind_both_headers() {
        let tcp = [&[0; 12][..], &[0x60], &[0; 11], b"water"].concat();
        let v4 = [&[0x45][..], &[0; 19], &tcp].concat();
        let v6 = [&[0x60][..], &[0; 39], &tcp].concat();
        assert_eq!((carried(&v4), carried(&v6)), (Some(&b"water"[..]), Some(&b"water"[..])));
        assert_eq!(carried(&v4[..30]), None);
        assert_eq!(carried(&[]), None);
    }
}
