//! Captures one Pod's traffic: installs, checks and removes the capture.
//!
//! A Pod passes through these functions. Each may be called again at any time:
//!
//! 1. open its listeners ([`sockets`](crate::sockets)), so that captured connections find a queue;
//! 2. [`install`]; again when its [`Settings`] change or [`verify`] finds a change;
//! 3. [`leave`]: new connections bypass the mesh, while captured ones keep their translation and can drain;
//! 4. [`remove`]: resets remaining captured connections, then restores everything.
//!
//! Between 2 and 3 nothing leaves the Pod uncaptured, even if no proxy serves its listeners.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::devices::{self, Devices};
use crate::flows::{self, FlowError};
use crate::marks::PodMark;
use crate::netns::{NamespaceError, NetworkNamespace};
use crate::nftables::{self, Digest, Generation, NftablesError};
use crate::routes::{self, RouteError};
use crate::rules::{self, Phase, RuleSettings, wire};
use crate::sockets::Family;
use crate::sysctls::{self, SavedSysctls, SysctlError};

pub use crate::rules::Proxy;

/// How a Pod is captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The proxy that serves the Pod.
    pub proxy: Proxy,
    /// Source addresses of health probes, which reach the application directly.
    pub probes: Vec<IpAddr>,
    /// Whether the Pod's DNS queries are captured.
    pub dns: bool,
    /// Whether to reset TCP connections older than the capture at their next packet (strict mode), instead of letting
    /// them live.
    pub close_older: bool,
}

/// The state that [`install`] left in the kernel, for [`verify`] to compare. Valid only within one process: install
/// again after a restart.
#[derive(Debug)]
pub struct Installed {
    digest: Digest,
    before: SavedSysctls,
    /// The devices that the rules name.
    devices: Devices,
    /// Why raw sockets can still begin connections, if they can.
    unguarded: Option<NftablesError>,
    /// Generation of the namespace's rules at the last read.
    generation: AtomicU32,
}

/// The result of [`verify`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    /// Everything is as installed.
    Intact,
    /// This part was changed: [`install`] again.
    Changed(Part),
}

/// A part of the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The nftables tables.
    Rules,
    /// The Pod's devices, which the rules name.
    Devices,
    /// The routing rule or table.
    Routes,
    /// The kernel's settings.
    Sysctls,
}

/// Why a Pod cannot be captured, checked or released.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The namespace cannot be used.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// The rules cannot be changed or read.
    #[error(transparent)]
    Rules(#[from] NftablesError),
    /// The routes cannot be changed or read.
    #[error(transparent)]
    Routes(#[from] RouteError),
    /// The kernel's settings cannot be changed or read.
    #[error(transparent)]
    Sysctls(#[from] SysctlError),
    /// The captured connections cannot be closed.
    #[error(transparent)]
    Flows(#[from] FlowError),
    /// The Pod's devices cannot be listed.
    #[error("cannot list the Pod's network devices: {0}")]
    Devices(io::Error),
    /// The table vanishes right after it is loaded.
    #[error("the rules vanished after they were loaded: another process in the Pod removes them")]
    RulesVanish,
}

/// Captures a Pod, or updates its capture. One transaction replaces old rules by new: no packet meets both, or none.
///
/// `earlier` is this process's previous installation, if any. It holds the Pod's original settings in case the rules
/// with the note are gone.
///
/// # Errors
/// When a step fails. A captured Pod is then unchanged; in an uncaptured one nothing is left.
pub fn install(
    namespace: &NetworkNamespace,
    settings: &Settings,
    earlier: Option<&Installed>,
) -> Result<Installed, CaptureError> {
    namespace.run(|| {
        let listing = nftables::list()?;
        let before = match (&listing, earlier) {
            (Some(listing), _) => listing.note().map(noted).unwrap_or_default(),
            (None, Some(earlier)) => earlier.before,
            (None, None) => SavedSysctls::read()?,
        };
        put_in_place(settings, before).inspect_err(|_| {
            if listing.is_none() {
                // The first error is the one to report.
                let _ = take_away(before);
            }
        })
    })?
}

fn put_in_place(settings: &Settings, before: SavedSysctls) -> Result<Installed, CaptureError> {
    sysctls::write_wanted()?;
    let devices = devices::list().map_err(CaptureError::Devices)?;
    for family in families()? {
        routes::add(family, &devices.all)?;
    }
    let phase = Phase::Capturing { close_older: settings.close_older };
    nftables::apply(&rules::render(&rule_settings(settings, phase, before)))?;
    let unguarded = match settings.proxy {
        Proxy::Karez { mark } => guard(mark, &devices.lowest).err(),
        Proxy::Ztunnel => None,
    };
    // After the guard, which may drop a SYN that connection tracking has just seen.
    flows::forget_unanswered()?;
    sysctls::write_wanted()?;
    // Read before the listing, so that a later change is noticed.
    let Generation(generation) = nftables::generation()?;
    let listing = nftables::list()?.ok_or(CaptureError::RulesVanish)?;
    let generation = AtomicU32::new(generation);
    Ok(Installed { digest: listing.digest(), before, devices, unguarded, generation })
}

/// Keeps raw sockets from beginning connections past the rules. A kernel without `NETFILTER_EGRESS` (before 5.16)
/// cannot, but the Pod still joins the mesh.
fn guard(mark: PodMark, devices: &[String]) -> Result<(), NftablesError> {
    nftables::apply(&wire::render(mark, devices))
}

/// Removes routes, settings and last the rules, because their note holds the settings to restore.
fn take_away(before: SavedSysctls) -> Result<(), CaptureError> {
    let devices = devices::list().map_err(CaptureError::Devices)?;
    for family in Family::ALL {
        routes::remove(family, &devices.all)?;
    }
    before.restore()?;
    Ok(nftables::apply_unguarded(&rules::render_removal())?)
}

impl Installed {
    /// Why raw sockets in the Pod can begin connections past the mesh, if they can.
    #[must_use]
    pub fn unguarded(&self) -> Option<&NftablesError> {
        self.unguarded.as_ref()
    }
}

/// Whether everything is as [`install`] left it.
///
/// # Errors
/// When the kernel does not answer.
pub fn verify(namespace: &NetworkNamespace, installed: &Installed) -> Result<Integrity, CaptureError> {
    namespace.run(|| {
        if !rules_are_as(installed)? {
            return Ok(Integrity::Changed(Part::Rules));
        }
        let devices = devices::list().map_err(CaptureError::Devices)?;
        if devices != installed.devices {
            return Ok(Integrity::Changed(Part::Devices));
        }
        for family in families()? {
            if !routes::are_in_effect(family, &devices.all)? {
                return Ok(Integrity::Changed(Part::Routes));
            }
        }
        if !sysctls::are_as_wanted()? {
            return Ok(Integrity::Changed(Part::Sysctls));
        }
        Ok(Integrity::Intact)
    })?
}

/// Asking for the generation takes microseconds, while each listing of rules takes a process.
fn rules_are_as(installed: &Installed) -> Result<bool, NftablesError> {
    let Generation(generation) = nftables::generation()?;
    if generation == installed.generation.load(Ordering::Relaxed) {
        return Ok(true);
    }
    let digest = nftables::list()?.map(|listing| listing.digest());
    if digest != Some(installed.digest) {
        return Ok(false);
    }
    // Only other programs' rules changed.
    installed.generation.store(generation, Ordering::Relaxed);
    Ok(true)
}

/// Stops capturing new connections, and keeps captured ones. Does nothing without capture.
///
/// # Errors
/// When the rules cannot be replaced. Capture then goes on.
pub fn leave(namespace: &NetworkNamespace, settings: &Settings) -> Result<(), CaptureError> {
    namespace.run(|| {
        if let Some(listing) = nftables::list()? {
            let before = listing.note().map(noted).unwrap_or_default();
            nftables::apply_unguarded(&rules::render(&rule_settings(settings, Phase::Leaving, before)))?;
            for family in families()? {
                routes::remove_refusals(family)?;
            }
        }
        Ok(())
    })?
}

/// Removes capture: resets remaining captured connections, then removes rules and routes and restores the kernel's
/// settings. Returns the number of reset connections: none after [`leave`] and a drained node proxy. Does nothing
/// without capture.
///
/// # Errors
/// When a step fails. While captured connections cannot be closed, the rules stay and nothing leaks.
pub fn remove(namespace: &NetworkNamespace) -> Result<usize, CaptureError> {
    namespace.run(|| {
        let Some(listing) = nftables::list()? else { return Ok(0) };
        nftables::apply(&rules::render_release())?;
        let severed = flows::sever()?;
        take_away(listing.note().map(noted).unwrap_or_default())?;
        Ok(severed)
    })?
}

fn noted(note: &str) -> SavedSysctls {
    // Another version's note is unreadable; a new namespace's settings are the best guess.
    note.parse().unwrap_or_default()
}

/// The address families of the Pod's loopback.
fn families() -> Result<Vec<Family>, SysctlError> {
    Ok(if sysctls::loopback_has_ipv6()? { Family::ALL.to_vec() } else { vec![Family::V4] })
}

fn rule_settings(settings: &Settings, phase: Phase, before: SavedSysctls) -> RuleSettings {
    RuleSettings {
        proxy: settings.proxy,
        probes: settings.probes.clone(),
        dns: settings.dns,
        ipv6: sysctls::kernel_has_ipv6(),
        phase,
        note: before.to_string(),
    }
}
