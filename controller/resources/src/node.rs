//! `Node`: where its Pods are.

use k8s_openapi::api::core::v1 as k8s;
use karez_api::names::label;

use crate::metadata::Metadata;
use crate::problem::FieldError;
use crate::resource::Kind;

/// What the mesh reads of a Node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its region, if its labels say.
    pub region: Option<String>,
    /// Its zone, if its labels say.
    pub zone: Option<String>,
}

impl TryFrom<k8s::Node> for Node {
    type Error = FieldError;

    fn try_from(object: k8s::Node) -> Result<Self, FieldError> {
        let mut meta = Metadata::read(Kind::Node, object.metadata)?;
        let mut label = |key: &str| meta.labels.remove(key).filter(|value| !value.is_empty());
        Ok(Self { region: label(label::REGION), zone: label(label::ZONE), name: meta.name })
    }
}
