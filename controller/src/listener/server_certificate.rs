//! The certificate of the controller's own port.
//!
//! It is signed by the root that signs at the moment, names what `--server-name` says and every address of this machine,
//! and is renewed when half of its life is over, when another root signs, and when the addresses change.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use nix::ifaddrs::getifaddrs;
use rcgen::KeyPair;
use rustls::crypto::aws_lc_rs::sign::any_ecdsa_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tracing::{error, info};

use crate::ca::{Authority, IssueError, Names, Timestamp};

/// How often the machine's addresses are looked at, and at least how often after a failure it is tried again.
const INTERVAL: Duration = Duration::from_secs(30);
/// Addresses that a certificate names; a machine with more is known by a name.
const MAX_ADDRESSES: usize = 200;

/// Why there is no certificate for the port.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// No key.
    #[error("no key for the controller's certificate: {0}")]
    Key(rcgen::Error),
    /// Not signed.
    #[error("the controller's own certificate: {0}")]
    Issue(#[from] IssueError),
    /// Not usable.
    #[error("the controller's own certificate cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// The certificate that the next handshake presents.
pub struct CurrentCertificate(ArcSwap<CertifiedKey>);

impl fmt::Debug for CurrentCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CurrentCertificate")
    }
}

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// Keeps the port's certificate current.
#[derive(Debug)]
pub struct ServerCertificate {
    authority: Authority,
    configured: Names,
    current: Arc<CurrentCertificate>,
    issued: Issued,
}

/// What the present certificate was made from.
#[derive(Debug)]
struct Issued {
    names: Names,
    root: String,
    renew_at: Timestamp,
}

impl ServerCertificate {
    /// Has the first one signed.
    ///
    /// # Errors
    /// When that is not possible.
    pub fn issue(authority: Authority, names: &[ServerName<'static>]) -> Result<Self, CertificateError> {
        let configured = configured(names);
        let (key, issued) = issue(&authority, &configured)?;
        let current = Arc::new(CurrentCertificate(ArcSwap::from_pointee(key)));
        Ok(Self { authority, configured, current, issued })
    }

    /// For the TLS configuration.
    #[must_use]
    pub fn current(&self) -> Arc<CurrentCertificate> {
        Arc::clone(&self.current)
    }

    /// Renews it whenever that is due, until the authority is gone.
    pub async fn run(mut self) {
        let mut roots = self.authority.state();
        loop {
            let now = Timestamp::of(SystemTime::now());
            let wait = now.until(self.issued.renew_at).min(INTERVAL).max(Duration::from_secs(1));
            tokio::select! {
                changed = roots.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(wait) => {}
            }
            if self.is_due(Timestamp::of(SystemTime::now())) {
                self.renew();
            }
        }
    }

    fn is_due(&self, now: Timestamp) -> bool {
        now >= self.issued.renew_at
            || self.issued.root != signing_root(&self.authority)
            || self.issued.names != with_addresses(&self.configured)
    }

    fn renew(&mut self) {
        match issue(&self.authority, &self.configured) {
            Ok((key, issued)) => {
                info!(root = issued.root, "the controller's own certificate is renewed");
                self.issued = issued;
                self.current.0.store(Arc::new(key));
            }
            Err(error) => {
                error!(%error, "cannot renew the controller's own certificate: the current one stays until it expires");
            }
        }
    }
}

fn issue(authority: &Authority, configured: &Names) -> Result<(CertifiedKey, Issued), CertificateError> {
    let names = with_addresses(configured);
    let root = signing_root(authority);
    let key = KeyPair::generate().map_err(CertificateError::Key)?;
    let leaf = authority.sign_server(&key, &names)?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let certified = CertifiedKey::new(vec![leaf.der], any_ecdsa_type(&private)?);
    let now = Timestamp::of(SystemTime::now());
    let renew_at = now.after(now.until(leaf.not_after) / 2);
    Ok((certified, Issued { names, root, renew_at }))
}

fn signing_root(authority: &Authority) -> String {
    authority.state().borrow().roots.signing().certificate().fingerprint().to_owned()
}

fn configured(names: &[ServerName<'static>]) -> Names {
    let mut known = Names { hosts: BTreeSet::from(["localhost".to_owned()]), addresses: BTreeSet::new() };
    for name in names {
        match name {
            ServerName::DnsName(host) => {
                known.hosts.insert(host.as_ref().to_owned());
            }
            ServerName::IpAddress(address) => {
                known.addresses.insert((*address).into());
            }
            // pki-types may gain kinds of names; none other can be written in `--server-name`.
            _ => {}
        }
    }
    known
}

fn with_addresses(configured: &Names) -> Names {
    let mut names = configured.clone();
    names.addresses.extend(local_addresses());
    names
}

/// Without them the port is still known by its configured names.
fn local_addresses() -> Vec<IpAddr> {
    let Ok(interfaces) = getifaddrs() else { return Vec::new() };
    let address = |interface: nix::ifaddrs::InterfaceAddress| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|address| IpAddr::from(address.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::from(address.ip())))
    };
    interfaces.filter_map(address).take(MAX_ADDRESSES).collect()
}
