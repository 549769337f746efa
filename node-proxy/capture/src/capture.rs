//! Capture of one Pod's traffic: put in place, looked after, taken away.
//!
//! A Pod's way through these functions, each of which may be called again at any time:
//!
//! 1. open its listeners ([`sockets`](crate::sockets)), so that what is captured finds a queue;
//! 2. [`install`]; again whenever its [`Settings`] change or [`verify`] finds a change;
//! 3. [`leave`]: new connections go their own way again, while captured ones keep their translation and can drain;
//! 4. [`remove`]: what is still captured is reset, then everything is as it was before.
//!
//! Between 2 and 3 nothing leaves the Pod uncaptured, whether a proxy serves its listeners or not.

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
use crate::sysctls::{self, Before, SysctlError};

pub use crate::rules::Proxy;

/// How a Pod is captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Who serves it.
    pub proxy: Proxy,
    /// Source addresses of health probes, which reach the application directly.
    pub probes: Vec<IpAddr>,
    /// Whether its DNS queries are captured.
    pub dns: bool,
    /// Whether TCP connections that are older than the capture are reset at their next packet (strict mode), instead of
    /// living on.
    pub close_older: bool,
}

/// What [`install`] left in the kernel, for [`verify`] to compare. Of use within one process only: after a restart,
/// install again.
#[derive(Debug)]
pub struct Installed {
    digest: Digest,
    before: Before,
    /// The devices that the rules name.
    devices: Devices,
    /// Why raw sockets are not kept from beginning connections, if they are not.
    unguarded: Option<NftablesError>,
    /// Of all rules of the namespace, when they were last read.
    generation: AtomicU32,
}

/// What [`verify`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    /// All is as it was installed.
    Intact,
    /// Something has been changed: [`install`] again.
    Changed(Part),
}

/// A part of what is installed.
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

/// Why a Pod cannot be captured, checked or let go.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// Its namespace.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// The rules.
    #[error(transparent)]
    Rules(#[from] NftablesError),
    /// The routes.
    #[error(transparent)]
    Routes(#[from] RouteError),
    /// The kernel's settings.
    #[error(transparent)]
    Sysctls(#[from] SysctlError),
    /// What is still captured.
    #[error(transparent)]
    Flows(#[from] FlowError),
    /// The Pod's devices.
    #[error("cannot list the Pod's network devices: {0}")]
    Devices(io::Error),
    /// The table is gone as soon as it is there.
    #[error("the rules are not there after they were loaded: something else in the Pod removes them")]
    RulesVanish,
}

/// Captures a Pod, or brings what is there up to date. New rules replace old ones in one transaction: no packet meets
/// both, or none.
///
/// `earlier` is what the same process installed before, if anything: it knows how the Pod was, should the rules that say so be gone.
///
/// # Errors
/// When a step fails. A Pod that was captured is as it was; of one that was not, nothing is left.
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
            (None, None) => Before::read()?,
        };
        put_in_place(settings, before).inspect_err(|_| {
            if listing.is_none() {
                // The first error is the one to tell.
                let _ = take_away(before);
            }
        })
    })?
}

fn put_in_place(settings: &Settings, before: Before) -> Result<Installed, CaptureError> {
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
    sysctls::write_wanted()?;
    // Read first: what changes after it is seen as a change.
    let Generation(generation) = nftables::generation()?;
    let listing = nftables::list()?.ok_or(CaptureError::RulesVanish)?;
    let generation = AtomicU32::new(generation);
    Ok(Installed { digest: listing.digest(), before, devices, unguarded, generation })
}

/// Keeps raw sockets from beginning connections past the rules. A kernel without `NETFILTER_EGRESS` (before 5.16) cannot, which
/// is no reason to leave a Pod out of the mesh.
fn guard(mark: PodMark, devices: &[String]) -> Result<(), NftablesError> {
    nftables::apply(&wire::render(mark, devices))
}

/// Routes, settings and, last, the rules: they say what is left to do.
fn take_away(before: Before) -> Result<(), CaptureError> {
    let devices = devices::list().map_err(CaptureError::Devices)?;
    for family in Family::ALL {
        routes::remove(family, &devices.all)?;
    }
    before.restore()?;
    Ok(nftables::delete()?)
}

impl Installed {
    /// Why raw sockets in the Pod are not kept from beginning connections past the mesh, if they are not.
    #[must_use]
    pub fn unguarded(&self) -> Option<&NftablesError> {
        self.unguarded.as_ref()
    }
}

/// Whether everything is as [`install`] left it.
///
/// # Errors
/// When the kernel does not tell.
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

/// To list rules takes a process each; to ask the kernel whether any have changed takes microseconds.
fn rules_are_as(installed: &Installed) -> Result<bool, NftablesError> {
    let Generation(generation) = nftables::generation()?;
    if generation == installed.generation.load(Ordering::Relaxed) {
        return Ok(true);
    }
    let digest = nftables::list()?.map(|listing| listing.digest());
    if digest != Some(installed.digest) {
        return Ok(false);
    }
    // Somebody else's rules.
    installed.generation.store(generation, Ordering::Relaxed);
    Ok(true)
}

/// Captures nothing new, and keeps what is captured. Does nothing where there is no capture.
///
/// # Errors
/// When the rules cannot be replaced; then capture goes on.
pub fn leave(namespace: &NetworkNamespace, settings: &Settings) -> Result<(), CaptureError> {
    namespace.run(|| {
        if let Some(listing) = nftables::list()? {
            let before = listing.note().map(noted).unwrap_or_default();
            nftables::apply(&rules::render(&rule_settings(settings, Phase::Leaving, before)))?;
            nftables::delete_guard()?;
            for family in families()? {
                routes::remove_refusals(family)?;
            }
        }
        Ok(())
    })?
}

/// Takes capture away: resets what is still captured, then removes rules and routes and gives the kernel's settings back.
/// Gives the number of connections that had to be reset: none, if it comes after [`leave`] and the node proxy has drained.
/// Does nothing where there is no capture.
///
/// # Errors
/// When a step fails. As long as captured connections cannot be closed, the rules stay and nothing leaks.
pub fn remove(namespace: &NetworkNamespace) -> Result<usize, CaptureError> {
    namespace.run(|| {
        let Some(listing) = nftables::list()? else { return Ok(0) };
        nftables::apply(&rules::render_release())?;
        let severed = flows::sever()?;
        take_away(listing.note().map(noted).unwrap_or_default())?;
        Ok(severed)
    })?
}

fn noted(note: &str) -> Before {
    // Another version's note says nothing to this one; a new namespace's settings are the best guess.
    note.parse().unwrap_or_default()
}

/// The families that the Pod's loopback has.
fn families() -> Result<Vec<Family>, SysctlError> {
    Ok(if sysctls::loopback_has_ipv6()? { Family::ALL.to_vec() } else { vec![Family::V4] })
}

fn rule_settings(settings: &Settings, phase: Phase, before: Before) -> RuleSettings {
    RuleSettings {
        proxy: settings.proxy,
        probes: settings.probes.clone(),
        dns: settings.dns,
        ipv6: sysctls::kernel_has_ipv6(),
        phase,
        note: before.to_string(),
    }
}
