//! What one output is made of: resources for the proxies, findings for the operator.

use std::sync::Arc;

use bytes::Bytes;
use karez_resources::{Key, Problem};
use prost::Message;

use crate::report::{Effect, whole_object};

/// Names one resource on the discovery stream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceName {
    /// One of [`karez_api::names::type_url`].
    pub type_url: &'static str,
    /// Its name among those of its type.
    pub name: Arc<str>,
}

/// What is wrong with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) key: Key,
    pub(crate) problem: Problem,
    pub(crate) effect: Effect,
}

/// Where the translations of each kind put what they make.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Output {
    /// The bare message of each resource, encoded.
    pub(crate) resources: Vec<(ResourceName, Bytes)>,
    pub(crate) findings: Vec<Finding>,
}

impl Output {
    pub(crate) fn add(&mut self, type_url: &'static str, name: impl Into<Arc<str>>, message: &impl Message) {
        let name = ResourceName { type_url, name: name.into() };
        self.resources.push((name, message.encode_to_vec().into()));
    }

    /// Reports a good object in which something cannot be as written.
    pub(crate) fn report(&mut self, key: &Key, field: impl Into<String>, message: &str, effect: Effect) {
        let problem = Problem { field: field.into(), ..whole_object(key, message) };
        self.findings.push(Finding { key: key.clone(), problem, effect });
    }
}
