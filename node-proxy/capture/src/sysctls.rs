//! Kernel settings of a Pod's network namespace that capture needs. The functions act on the calling thread's
//! namespace.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{fmt, fs, io};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

const ROOT: &str = "/proc/sys";
const NUMBER: usize = 5;

/// A setting and its wanted value.
#[derive(Debug)]
struct Setting {
    path: &'static str,
    wanted: u32,
    /// The value in a new namespace. Connection tracking's settings have no file before its first use.
    initially: u32,
    needs_ipv6: bool,
}

/// The kernel's default of `nf_conntrack_tcp_timeout_established`, in seconds.
const FIVE_DAYS: u32 = 432_000;

const SETTINGS: [Setting; NUMBER] = [
    // Answers to a source-preserving dial carry its mark and so stay in the Pod. An accepted socket takes the SYN's
    // mark, and the kernel's own answers (RST, ICMP) take the packet's.
    Setting { path: "net/ipv4/tcp_fwmark_accept", wanted: 1, initially: 0, needs_ipv6: false },
    Setting { path: "net/ipv4/fwmark_reflect", wanted: 1, initially: 0, needs_ipv6: false },
    Setting { path: "net/ipv6/fwmark_reflect", wanted: 1, initially: 0, needs_ipv6: true },
    // Connection tracking does not translate a packet that it considers invalid.
    Setting { path: "net/netfilter/nf_conntrack_tcp_be_liberal", wanted: 1, initially: 0, needs_ipv6: false },
    // A half-closed connection may be silent as long as an open one. It loses its translation with its entry.
    Setting {
        path: "net/netfilter/nf_conntrack_tcp_timeout_close_wait",
        wanted: FIVE_DAYS,
        initially: 60,
        needs_ipv6: false,
    },
];

/// The settings before capture. The rules' note stores them, so that they outlive the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavedSysctls([u32; NUMBER]);

/// Why a kernel setting cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SysctlError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// `/proc/sys` is read-only, and cannot be mounted writable.
    #[error("{ROOT} is read-only and cannot be mounted writable (this takes CAP_SYS_ADMIN): {source}")]
    ReadOnly {
        /// The system's error.
        source: io::Error,
    },
}

/// Whether the kernel has IPv6.
#[must_use]
pub fn kernel_has_ipv6() -> bool {
    Path::new(ROOT).join("net/ipv6").is_dir()
}

/// Whether loopback has IPv6, without which nothing can be captured there.
///
/// # Errors
/// When the setting exists and cannot be read.
pub fn loopback_has_ipv6() -> Result<bool, SysctlError> {
    Ok(kernel_has_ipv6() && read("net/ipv6/conf/lo/disable_ipv6")? == Some(0))
}

impl SavedSysctls {
    /// Reads the present settings.
    ///
    /// # Errors
    /// When one exists and cannot be read.
    pub fn read() -> Result<Self, SysctlError> {
        let mut before = Self::default();
        for (setting, value) in SETTINGS.iter().zip(&mut before.0) {
            *value = read(setting.path)?.unwrap_or(setting.initially);
        }
        Ok(before)
    }

    /// Restores the settings. Skips those without a file.
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

/// Writes the settings that capture needs, where they exist: the first rules create connection tracking's files.
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

/// Whether all settings have the values that capture needs.
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

/// Gives this thread a private mount of `/proc/sys` that is writable: container runtimes mount it read-only.
fn mount_writable() -> io::Result<()> {
    const NOTHING: Option<&str> = None;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING)?;
    let kept = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(NOTHING, ROOT, NOTHING, MsFlags::MS_REMOUNT | MsFlags::MS_BIND | kept, NOTHING)?;
    Ok(())
}

impl Default for SavedSysctls {
    /// The settings of a new namespace.
    fn default() -> Self {
        Self(SETTINGS.map(|setting| setting.initially))
    }
}

impl fmt::Display for SavedSysctls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("before")?;
        self.0.iter().try_for_each(|value| write!(formatter, " {value}"))
    }
}

impl FromStr for SavedSysctls {
    type Err = UnknownNote;

    fn from_str(note: &str) -> Result<Self, UnknownNote> {
        let values = note.strip_prefix("before ").ok_or(UnknownNote)?;
        let values: Result<Vec<u32>, _> = values.split(' ').map(str::parse).collect();
        values.map_err(|_| UnknownNote)?.try_into().map(Self).map_err(|_| UnknownNote)
    }
}

/// Another version's note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the rules' note is not one of this version")]
pub struct UnknownNote;

#[cfg(test)]
mod tests;
