//! Kernel settings of a Pod's network namespace that capture rests on. Work on the namespace of the calling thread.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{fmt, fs, io};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

const ROOT: &str = "/proc/sys";
const NUMBER: usize = 5;

/// A setting, and what it is to be.
#[derive(Debug)]
struct Setting {
    path: &'static str,
    wanted: u32,
    /// What it is in a new namespace; the connection tracker's have no file before its first use.
    initially: u32,
    needs_ipv6: bool,
}

/// The kernel's own default of `nf_conntrack_tcp_timeout_established`, in seconds.
const FIVE_DAYS: u32 = 432_000;

const SETTINGS: [Setting; NUMBER] = [
    // Answers to a source-preserving dial carry its mark, and so stay in the Pod: an accepted socket takes the mark of
    // the SYN, and the kernel's own answers (RST, ICMP) that of the packet.
    Setting { path: "net/ipv4/tcp_fwmark_accept", wanted: 1, initially: 0, needs_ipv6: false },
    Setting { path: "net/ipv4/fwmark_reflect", wanted: 1, initially: 0, needs_ipv6: false },
    Setting { path: "net/ipv6/fwmark_reflect", wanted: 1, initially: 0, needs_ipv6: true },
    // A packet that the tracker takes for invalid is not translated.
    Setting { path: "net/netfilter/nf_conntrack_tcp_be_liberal", wanted: 1, initially: 0, needs_ipv6: false },
    // A half-closed connection may be silent as long as an open one. Once its entry is gone, so is its translation.
    Setting {
        path: "net/netfilter/nf_conntrack_tcp_timeout_close_wait",
        wanted: FIVE_DAYS,
        initially: 60,
        needs_ipv6: false,
    },
];

/// What the settings were before capture. Travels in the rules' note, so that it outlives the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before([u32; NUMBER]);

/// Why a kernel setting cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SysctlError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `/proc/sys` is read-only, and cannot be mounted anew.
    #[error("{ROOT} is read-only and cannot be mounted writable (this takes CAP_SYS_ADMIN): {source}")]
    ReadOnly {
        /// Why.
        source: io::Error,
    },
}

/// Whether the kernel has IPv6 at all.
#[must_use]
pub fn kernel_has_ipv6() -> bool {
    Path::new(ROOT).join("net/ipv6").is_dir()
}

/// Whether loopback has IPv6, without which nothing can be captured there.
///
/// # Errors
/// When the setting is there and cannot be read.
pub fn loopback_has_ipv6() -> Result<bool, SysctlError> {
    Ok(kernel_has_ipv6() && read("net/ipv6/conf/lo/disable_ipv6")? == Some(0))
}

impl Before {
    /// Reads what the settings are now.
    ///
    /// # Errors
    /// When one is there and cannot be read.
    pub fn read() -> Result<Self, SysctlError> {
        let mut before = Self::default();
        for (setting, value) in SETTINGS.iter().zip(&mut before.0) {
            *value = read(setting.path)?.unwrap_or(setting.initially);
        }
        Ok(before)
    }

    /// Writes the settings back. Those that have no file any more are gone with their cause.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn restore(&self) -> Result<(), SysctlError> {
        for (setting, value) in SETTINGS.iter().zip(self.0) {
            if let Some(now) = read(setting.path)?
                && now != value
            {
                write(setting.path, value)?;
            }
        }
        Ok(())
    }
}

/// Writes what capture needs, as far as it is there: the first rules bring the connection tracker's files.
///
/// # Errors
/// When one cannot be written.
pub fn write_wanted() -> Result<(), SysctlError> {
    for setting in wanted() {
        if let Some(now) = read(setting.path)?
            && now != setting.wanted
        {
            write(setting.path, setting.wanted)?;
        }
    }
    Ok(())
}

/// Whether all are as capture needs them.
///
/// # Errors
/// When one cannot be read.
pub fn are_as_wanted() -> Result<bool, SysctlError> {
    for setting in wanted() {
        if read(setting.path)? != Some(setting.wanted) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn wanted() -> impl Iterator<Item = &'static Setting> {
    let ipv6 = kernel_has_ipv6();
    SETTINGS.iter().filter(move |setting| ipv6 || !setting.needs_ipv6)
}

fn read(path: &str) -> Result<Option<u32>, SysctlError> {
    let path = Path::new(ROOT).join(path);
    let failed = |source| SysctlError::Read { path: path.clone(), source };
    match fs::read_to_string(&path) {
        Ok(text) => {
            let number = text.trim().parse();
            number.map(Some).map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

fn write(path: &str, value: u32) -> Result<(), SysctlError> {
    let path = Path::new(ROOT).join(path);
    let attempt = || fs::write(&path, value.to_string());
    let written = match attempt() {
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => {
            mount_writable().map_err(|source| SysctlError::ReadOnly { source })?;
            attempt()
        }
        other => other,
    };
    written.map_err(|source| SysctlError::Write { path, source })
}

/// Gives this thread a view of its own in which `/proc/sys` is writable: container runtimes mount it read-only.
fn mount_writable() -> io::Result<()> {
    const NOTHING: Option<&str> = None;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING)?;
    let kept = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(NOTHING, ROOT, NOTHING, MsFlags::MS_REMOUNT | MsFlags::MS_BIND | kept, NOTHING)?;
    Ok(())
}

impl Default for Before {
    /// As in a new namespace.
    fn default() -> Self {
        Self(SETTINGS.map(|setting| setting.initially))
    }
}

impl fmt::Display for Before {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("before")?;
        self.0.iter().try_for_each(|value| write!(formatter, " {value}"))
    }
}

impl FromStr for Before {
    type Err = UnknownNote;

    fn from_str(note: &str) -> Result<Self, UnknownNote> {
        let values = note.strip_prefix("before ").ok_or(UnknownNote)?;
        let values: Result<Vec<u32>, _> = values.split(' ').map(str::parse).collect();
        values.map_err(|_| UnknownNote)?.try_into().map(Self).map_err(|_| UnknownNote)
    }
}

/// A note that another version left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the rules' note is not one of this version")]
pub struct UnknownNote;

#[cfg(test)]
mod tests;
