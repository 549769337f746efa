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

use std::net::IpAddr;

use crate::flows::{self, FlowError};
use crate::netns::{NamespaceError, NetworkNamespace};
use crate::nftables::{self, Digest, NftablesError};
use crate::routes::{self, RouteError};
use crate::rules::{self, Phase, RuleSettings};
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Installed {
    digest: Digest,
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
    /// The nftables table.
    Rules,
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
    /// The table is gone as soon as it is there.
    #[error("the rules are not there after they were loaded: something else in the Pod removes them")]
    RulesVanish,
}

/// Captures a Pod, or brings what is there up to date. New rules replace old ones in one transaction: no packet meets
/// both, or none.
///
/// # Errors
/// When a step fails. What was done before it stays, and another call takes it up.
pub fn install(namespace: &NetworkNamespace, settings: &Settings) -> Result<Installed, CaptureError> {
    namespace.run(|| {
        let before = before()?;
        sysctls::write_wanted()?;
        for family in families()? {
            routes::add(family)?;
        }
        let phase = Phase::Capturing { close_older: settings.close_older };
        nftables::apply(&rules::render(&rule_settings(settings, phase, before)))?;
        sysctls::write_wanted()?;
        let listing = nftables::list()?.ok_or(CaptureError::RulesVanish)?;
        Ok(Installed { digest: listing.digest() })
    })?
}

/// Whether everything is as [`install`] left it.
///
/// # Errors
/// When the kernel does not tell.
pub fn verify(namespace: &NetworkNamespace, installed: &Installed) -> Result<Integrity, CaptureError> {
    namespace.run(|| {
        let digest = nftables::list()?.map(|listing| listing.digest());
        if digest != Some(installed.digest) {
            return Ok(Integrity::Changed(Part::Rules));
        }
        for family in families()? {
            if !routes::are_present(family)? {
                return Ok(Integrity::Changed(Part::Routes));
            }
        }
        if !sysctls::are_as_wanted()? {
            return Ok(Integrity::Changed(Part::Sysctls));
        }
        Ok(Integrity::Intact)
    })?
}

/// Captures nothing new, and keeps what is captured. Does nothing where there is no capture.
///
/// # Errors
/// When the rules cannot be replaced; then capture goes on.
pub fn leave(namespace: &NetworkNamespace, settings: &Settings) -> Result<(), CaptureError> {
    namespace.run(|| {
        if nftables::list()?.is_some() {
            let rules = rules::render(&rule_settings(settings, Phase::Leaving, before()?));
            nftables::apply(&rules)?;
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
        for family in Family::ALL {
            routes::remove(family)?;
        }
        listing.note().map(noted).unwrap_or_default().restore()?;
        // Last, because what they hold says what is left to do.
        nftables::delete()?;
        Ok(severed)
    })?
}

/// What the kernel's settings were before the first install.
fn before() -> Result<Before, CaptureError> {
    Ok(match nftables::list()? {
        Some(listing) => listing.note().map(noted).unwrap_or_default(),
        None => Before::read()?,
    })
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
