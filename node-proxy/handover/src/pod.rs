//! A Pod's names between agent and node proxy.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

pub use karez_capture::netns::NamespaceId;

use crate::wire;

/// Longest name: Kubernetes' own limit.
pub const LONGEST_NAME: usize = 253;
/// Most addresses that a Pod may have.
pub const MOST_ADDRESSES: usize = 16;

/// A Pod's uid: its `metadata.uid`, or a substitute without Kubernetes. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodUid(Arc<str>);

/// A Pod in one network namespace. A recreated sandbox keeps the uid, but is another reference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodReference {
    /// The Pod's uid.
    pub uid: PodUid,
    /// Its network namespace. The id is unique only while the namespace lives.
    pub sandbox: NamespaceId,
}

/// Everything a node proxy knows about a local Pod without a control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolledPod {
    /// The Pod and its network namespace.
    pub reference: PodReference,
    /// Its Kubernetes namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its service account.
    pub service_account: Arc<str>,
    /// Its distinct addresses in order, at most [`MOST_ADDRESSES`], so that equal sets compare equal.
    pub addresses: Vec<IpAddr>,
}

/// Why a Pod is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPod {
    /// A uid is empty, too long or has an invalid character.
    #[error("uid {0:?} does not have 1 to {LONGEST_NAME} visible ASCII characters")]
    Uid(String),
    /// A name is empty, too long or has an invalid character.
    #[error(
        "{what} {text:?} is not a name: 1 to {LONGEST_NAME} letters, digits, dots and dashes, a letter or digit first"
    )]
    Name {
        /// The field.
        what: &'static str,
        /// Its first characters.
        text: String,
    },
    /// An address has neither 4 nor 16 bytes.
    #[error("a Pod's address has {0} bytes, not 4 or 16")]
    Address(usize),
    /// It has more than [`MOST_ADDRESSES`].
    #[error("a Pod has {0} addresses, {MOST_ADDRESSES} are allowed")]
    Addresses(usize),
    /// A required part is missing.
    #[error("the Pod lacks its {0}")]
    Missing(&'static str),
}

impl PodUid {
    /// A uid of 1 to [`LONGEST_NAME`] visible ASCII characters.
    ///
    /// # Errors
    /// When the text is no such uid.
    pub fn new(uid: &str) -> Result<Self, InvalidPod> {
        if is_bounded(uid) && uid.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(uid.into()))
        } else {
            Err(InvalidPod::Uid(beginning(uid)))
        }
    }

    /// The uid as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PodUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PodUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl EnrolledPod {
    /// A Pod with names and addresses within their limits. The addresses may come in any order.
    ///
    /// # Errors
    /// When one exceeds its limit.
    pub fn new(
        reference: PodReference,
        namespace: &str,
        name: &str,
        service_account: &str,
        mut addresses: Vec<IpAddr>,
    ) -> Result<Self, InvalidPod> {
        if addresses.len() > MOST_ADDRESSES {
            return Err(InvalidPod::Addresses(addresses.len()));
        }
        addresses.iter_mut().for_each(|address| *address = address.to_canonical());
        addresses.sort_unstable();
        addresses.dedup();
        Ok(Self {
            reference,
            namespace: checked("namespace", namespace)?,
            name: checked("name", name)?,
            service_account: checked("service account", service_account)?,
            addresses,
        })
    }

    /// Its uid.
    #[must_use]
    pub fn uid(&self) -> &PodUid {
        &self.reference.uid
    }
}

/// `NAMESPACE/NAME`, for humans.
impl fmt::Display for EnrolledPod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Accepts every name of a Kubernetes object (RFC 1123). An accepted name is never more than a file's name to a file
/// system.
fn checked(what: &'static str, text: &str) -> Result<Arc<str>, InvalidPod> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let begins_well = text.starts_with(|first: char| first.is_ascii_alphanumeric());
    if is_bounded(text) && begins_well && text.bytes().all(allowed) {
        Ok(text.into())
    } else {
        Err(InvalidPod::Name { what, text: beginning(text) })
    }
}

fn is_bounded(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len())
}

fn beginning(text: &str) -> String {
    text.chars().take(80).collect()
}

impl From<&PodReference> for wire::PodReference {
    fn from(pod: &PodReference) -> Self {
        let NamespaceId { device, inode } = pod.sandbox;
        Self { uid: pod.uid.as_str().to_owned(), sandbox: Some(wire::NamespaceId { device, inode }) }
    }
}

impl TryFrom<wire::PodReference> for PodReference {
    type Error = InvalidPod;

    fn try_from(pod: wire::PodReference) -> Result<Self, InvalidPod> {
        let wire::NamespaceId { device, inode } = pod.sandbox.ok_or(InvalidPod::Missing("sandbox"))?;
        Ok(Self { uid: PodUid::new(&pod.uid)?, sandbox: NamespaceId { device, inode } })
    }
}

impl From<&EnrolledPod> for wire::Pod {
    fn from(pod: &EnrolledPod) -> Self {
        let octets = |address: &IpAddr| match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        Self {
            reference: Some((&pod.reference).into()),
            namespace: pod.namespace.as_ref().to_owned(),
            name: pod.name.as_ref().to_owned(),
            service_account: pod.service_account.as_ref().to_owned(),
            addresses: pod.addresses.iter().map(octets).collect(),
        }
    }
}

impl TryFrom<wire::Pod> for EnrolledPod {
    type Error = InvalidPod;

    fn try_from(pod: wire::Pod) -> Result<Self, InvalidPod> {
        let reference = pod.reference.ok_or(InvalidPod::Missing("reference"))?.try_into()?;
        let addresses = pod.addresses.iter().map(|octets| address(octets)).collect::<Result<_, _>>()?;
        Self::new(reference, &pod.namespace, &pod.name, &pod.service_account, addresses)
    }
}

fn address(octets: &[u8]) -> Result<IpAddr, InvalidPod> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| v6()).map_err(|_| InvalidPod::Address(octets.len()))
}

#[cfg(test)]
pub(crate) mod tests;
