//! One resource as it goes on the wire.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use karez_api::discovery::Resource;
use prost_types::Any;

use super::ResourceType;
use super::aliases::Aliases;

/// A hash of content: the same content has the same version in every controller and after every restart.
///
/// The first 128 bits of a SHA-256. That of a set is the sum of those of its entries, modulo 2^128: it follows from the
/// content alone, in whatever order it came, and is brought up to date by what changed. Two sets have the same version by chance
/// once in 2^128 pairs. Somebody who may choose very many objects at will could make two sets of one version; they would gain
/// that a node that has the one is shown as in sync with the other. What a node is sent goes by the entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version(u128);

impl Version {
    /// The version of a set with one entry more.
    #[must_use]
    pub fn with(self, entry: Self) -> Self {
        Self(self.0.wrapping_add(entry.0))
    }

    /// The version of a set with one entry less.
    #[must_use]
    pub fn without(self, entry: Self) -> Self {
        Self(self.0.wrapping_sub(entry.0))
    }

    /// The version of a whole that is made of parts, in their order.
    pub fn of_all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut hash = Context::new(&SHA256);
        for part in parts {
            hash.update(&part.0.to_be_bytes());
        }
        Self::finish(hash)
    }

    /// The version of a resource. The name's length is hashed with it, so that it is never confused with the body.
    #[must_use]
    pub fn of(name: &str, body: &[u8]) -> Self {
        let mut hash = Context::new(&SHA256);
        hash.update(&(name.len() as u64).to_be_bytes());
        hash.update(name.as_bytes());
        hash.update(body);
        Self::finish(hash)
    }

    fn finish(hash: Context) -> Self {
        let first = hash.finish().as_ref().first_chunk().copied();
        Self(first.map(u128::from_be_bytes).unwrap_or_default())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A version that this controller did not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a version of this controller")]
pub struct ForeignVersion;

impl FromStr for Version {
    type Err = ForeignVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let version = u128::from_str_radix(text, 16).map(Self).map_err(|_| ForeignVersion)?;
        if version.to_string() == text { Ok(version) } else { Err(ForeignVersion) }
    }
}

/// One resource, encoded once for all who will receive it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    name: Arc<str>,
    version: Version,
    aliases: Aliases,
    body: Bytes,
}

impl Entry {
    /// The encoded message `body` as the resource `name`.
    #[must_use]
    pub fn new(resource_type: ResourceType, name: impl Into<Arc<str>>, body: impl Into<Bytes>) -> Self {
        let (name, body) = (name.into(), body.into());
        let version = Version::of(&name, &body);
        let aliases = Aliases::of(resource_type, &body);
        Self { name, version, aliases, body }
    }

    /// The same under one of its other names, for a client that waits for what it asked for by that name.
    #[must_use]
    pub fn under(&self, alias: &str) -> Self {
        Self { name: alias.into(), ..self.clone() }
    }

    /// Unique within its type.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Hash of the name and the body.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Other names that it can be asked for by; they follow from the body.
    #[must_use]
    pub fn aliases(&self) -> &[Arc<str>] {
        &self.aliases.names
    }

    /// Resource names of the services that it serves: who asks for one of them wants it too.
    #[must_use]
    pub fn services(&self) -> &[Arc<str>] {
        &self.aliases.services
    }

    /// About how many bytes it takes on the wire.
    #[must_use]
    pub fn size(&self) -> usize {
        const FRAMING: usize = 100;
        FRAMING
            + self.name.len()
            + self.body.len()
            + self.aliases().iter().map(|alias| alias.len()).sum::<usize>()
    }

    /// The wire form.
    #[must_use]
    pub fn resource(&self, resource_type: ResourceType) -> Resource {
        Resource {
            version: self.version.to_string(),
            resource: Some(Any { type_url: resource_type.url().to_owned(), value: self.body.to_vec() }),
            name: self.name.to_string(),
            aliases: self.aliases.names.iter().map(ToString::to_string).collect(),
        }
    }
}
