//! `Namespace`: which Pods are in the mesh, and how they are spoken to.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1 as k8s;
use karez_api::names::{annotation, label};

use crate::mesh::{MtlsMode, SameNode};
use crate::metadata::{Metadata, Place};
use crate::problem::FieldError;
use crate::resource::Kind;

/// A namespace's choices for the mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// The label `karez.dev/mesh`.
    pub enrolment: Option<Enrolment>,
    /// The annotation `karez.dev/mtls`; absent, the mesh decides.
    pub mtls: Option<MtlsMode>,
    /// The annotation `karez.dev/same-node`; absent, the mesh decides.
    pub same_node: Option<SameNode>,
    /// The annotation `karez.dev/permissive-ports`, for Pods that have none.
    pub permissive_ports: Option<BTreeSet<u16>>,
    /// Those of these fields that hold an unknown word, which counts as the strictest.
    pub unknown_words: Vec<FieldError>,
}

/// What the label `karez.dev/mesh` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enrolment {
    /// In the mesh.
    Enabled,
    /// Kept out.
    Disabled,
}

impl TryFrom<k8s::Namespace> for Namespace {
    type Error = FieldError;

    fn try_from(object: k8s::Namespace) -> Result<Self, FieldError> {
        let meta = Metadata::read(Kind::Namespace, object.metadata)?;
        let mut unknown = Vec::new();
        Ok(Self {
            enrolment: Enrolment::of(&meta, &mut unknown),
            mtls: meta.choice(
                Place::Annotation,
                annotation::MTLS,
                [("strict", MtlsMode::Strict), ("permissive", MtlsMode::Permissive)],
                &mut unknown,
            ),
            same_node: meta.choice(
                Place::Annotation,
                annotation::SAME_NODE,
                [("tunnel", SameNode::Tunnel), ("direct", SameNode::Direct)],
                &mut unknown,
            ),
            permissive_ports: meta.permissive_ports(&mut unknown),
            unknown_words: unknown,
            name: meta.name,
        })
    }
}

impl Enrolment {
    pub(crate) fn of(meta: &Metadata, unknown: &mut Vec<FieldError>) -> Option<Self> {
        let words = [("enabled", Self::Enabled), ("disabled", Self::Disabled)];
        meta.choice(Place::Label, label::MESH, words, unknown)
    }
}

#[cfg(test)]
mod tests;
