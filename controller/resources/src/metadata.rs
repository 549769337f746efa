//! `metadata`: what every object has.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use karez_api::names::annotation;
use karez_api::permissive_ports::PermissivePorts;
use serde_json::Value;

use crate::problem::{FieldError, shortened};
use crate::resource::{Kind, Labels};
use crate::syntax;

/// The namespace of an object that names none, as `kubectl` has it.
pub(crate) const DEFAULT_NAMESPACE: &str = "default";

/// What the mesh reads of an object's metadata.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Metadata {
    /// Empty for kinds that belong to none.
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: Option<String>,
    pub(crate) labels: Labels,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) deleting: bool,
    pub(crate) controller: Option<OwnerReference>,
}

/// The API's own fields. A misspelt one would move an object to another namespace or take a label from it, which may open
/// what a policy had closed, so it is an error for every kind.
const FIELDS: [&str; 15] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Refuses fields of `metadata` that the API does not have.
pub(crate) fn only_known_fields(metadata: &Value) -> Result<(), FieldError> {
    let Some(object) = metadata.as_object() else {
        return Err(FieldError::new("metadata", "must be an object with at least a name"));
    };
    match object.keys().find(|key| !FIELDS.contains(&key.as_str())) {
        Some(unknown) => Err(FieldError::new(format!("metadata.{unknown}"), "metadata has no such field")),
        None => Ok(()),
    }
}

impl Metadata {
    pub(crate) fn read(kind: Kind, meta: ObjectMeta) -> Result<Self, FieldError> {
        let name = meta.name.unwrap_or_default();
        let name_check = match kind {
            Kind::Namespace | Kind::Service => syntax::label(&name),
            _ => syntax::subdomain(&name),
        };
        name_check.map_err(|message| FieldError::new("metadata.name", message))?;
        let namespace = namespace(kind, meta.namespace)?;
        let labels = meta.labels.unwrap_or_default();
        check_labels("metadata.labels", &labels)?;
        Ok(Self {
            namespace,
            name,
            uid: meta.uid.filter(|uid| !uid.is_empty()),
            labels,
            annotations: meta.annotations.unwrap_or_default(),
            deleting: meta.deletion_timestamp.is_some(),
            controller: meta
                .owner_references
                .unwrap_or_default()
                .into_iter()
                .find(|owner| owner.controller == Some(true)),
        })
    }

    /// A choice written as a label or annotation; absent is none. An unknown word counts as the first of `words`, the
    /// strictest, and is noted in `unknown`.
    ///
    /// So what is in force follows from the object that is there, and not from what a controller has seen before.
    pub(crate) fn choice<T: Copy>(
        &self,
        place: Place,
        key: &str,
        words: [(&str, T); 2],
        unknown: &mut Vec<FieldError>,
    ) -> Option<T> {
        let (map, place) = match place {
            Place::Label => (&self.labels, "labels"),
            Place::Annotation => (&self.annotations, "annotations"),
        };
        let written = map.get(key)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| word == written) {
            return Some(*value);
        }
        let [(strictest, value), (other, _)] = words;
        let written = shortened(written);
        let message = format!("{written:?} is neither {strictest} nor {other}: it counts as {strictest}");
        unknown.push(FieldError::new(format!("metadata.{place}[{key}]"), message));
        Some(value)
    }

    /// The annotation `karez.dev/permissive-ports`; absent is none. What of it opens nothing is noted in `unknown`.
    pub(crate) fn permissive_ports(&self, unknown: &mut Vec<FieldError>) -> Option<BTreeSet<u16>> {
        let key = annotation::PERMISSIVE_PORTS;
        let PermissivePorts { ports, rejected } = PermissivePorts::read(self.annotations.get(key)?);
        if let [first, others @ ..] = &rejected[..] {
            let more =
                if others.is_empty() { String::new() } else { format!(" (and {} more)", others.len()) };
            let message = format!("{}{more}: it opens nothing", shortened(&first.to_string()));
            unknown.push(FieldError::new(format!("metadata.annotations[{key}]"), message));
        }
        Some(ports)
    }
}

/// Where a choice is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Label,
    Annotation,
}

fn namespace(kind: Kind, written: Option<String>) -> Result<String, FieldError> {
    match (kind.is_namespaced(), written.filter(|namespace| !namespace.is_empty())) {
        (true, None) => Ok(DEFAULT_NAMESPACE.to_owned()),
        (true, Some(namespace)) => match syntax::label(&namespace) {
            Ok(()) => Ok(namespace),
            Err(message) => Err(FieldError::new("metadata.namespace", message)),
        },
        (false, None) => Ok(String::new()),
        (false, Some(_)) => {
            Err(FieldError::new("metadata.namespace", format!("a {kind} belongs to no namespace")))
        }
    }
}

/// Checks keys and values of labels that stand at `field`.
pub(crate) fn check_labels(field: &str, labels: &Labels) -> Result<(), FieldError> {
    for (key, value) in labels {
        syntax::label_key(key)
            .and_then(|()| syntax::label_value(value))
            .map_err(|message| FieldError::new(format!("{field}[{key}]"), message))?;
    }
    Ok(())
}
