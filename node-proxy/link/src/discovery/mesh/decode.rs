//! One resource as one update.

use karez_api::discovery::Resource;
use karez_mesh::Change;
use prost::{DecodeError, Message};

use crate::bundle::{InvalidBundle, TrustBundle};
use crate::discovery::kind::ResourceKind as _;
use crate::discovery::mesh::kind::Kind;

/// The change that one resource makes.
pub(super) enum Update {
    /// In the mesh.
    Mesh(Box<Change>),
    /// In the roots that peers are verified against.
    Bundle(TrustBundle),
}

/// Why a resource cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum Undecodable {
    #[error("the resource is empty")]
    Empty,
    #[error("the resource is of type {0}")]
    Type(String),
    #[error("not a message of its type: {0}")]
    Message(#[from] DecodeError),
    #[error(transparent)]
    Bundle(#[from] InvalidBundle),
}

/// Decodes `resource` of `kind`.
pub(super) fn decode(kind: Kind, resource: Resource) -> Result<Update, Undecodable> {
    let any = resource.resource.ok_or(Undecodable::Empty)?;
    if any.type_url != kind.type_url() {
        return Err(Undecodable::Type(any.type_url));
    }
    let bytes = any.value.as_slice();
    let change = match kind {
        Kind::Address => Change::Address(Message::decode(bytes)?),
        Kind::Authorization => Change::Authorization { name: resource.name, policy: Message::decode(bytes)? },
        Kind::Mesh => Change::Settings(Message::decode(bytes)?),
        Kind::Namespace => Change::Namespace(Message::decode(bytes)?),
        Kind::TrustBundle => return bundle(bytes).map(Update::Bundle),
    };
    Ok(Update::Mesh(Box::new(change)))
}

/// What follows from a resource that is gone; nothing from a trust bundle, because its last roots stay in force.
pub(super) fn removal(kind: Kind, name: String) -> Option<Change> {
    match kind {
        Kind::Address => Some(Change::RemoveAddress(name)),
        Kind::Authorization => Some(Change::RemoveAuthorization(name)),
        Kind::Mesh => Some(Change::RemoveSettings),
        Kind::Namespace => Some(Change::RemoveNamespace(name)),
        Kind::TrustBundle => None,
    }
}

fn bundle(bytes: &[u8]) -> Result<TrustBundle, Undecodable> {
    let wire = karez_api::settings::TrustBundle::decode(bytes)?;
    Ok(TrustBundle::from_pem(&wire.trust_domain, wire.roots.iter().map(String::as_str))?)
}

#[cfg(test)]
mod tests;
