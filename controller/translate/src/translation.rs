//! [`translate`]: objects in, resources and reports out.

use std::collections::BTreeMap;

use karez_api::identity::Identity;
use karez_resources::{Key, Problem};
use prost::Message;

use crate::addresses::Addresses;
use crate::objects::Objects;
use crate::report::{Effect, Report, whole_object};
use crate::view::View;
use crate::{mesh, namespaces, outside, policies, services, unsupported, workloads};

/// What translation needs to know beside the objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Names the cluster in workloads' uids and in telemetry.
    pub cluster_id: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { cluster_id: "Kubernetes".to_owned() }
    }
}

/// What the proxies and the operator are told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Translation {
    /// The bare message of each resource, encoded.
    pub resources: BTreeMap<ResourceName, Vec<u8>>,
    /// What is wrong, sorted.
    pub problems: Vec<Report>,
    /// Every Pod that runs or will, by namespace and name.
    pub pods: Vec<PodPlacement>,
}

/// Names one resource on the discovery stream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceName {
    /// One of [`karez_api::names::type_url`].
    pub type_url: &'static str,
    /// Its name among those of its type.
    pub name: String,
}

/// Which node a Pod is on, and who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodPlacement {
    /// The workload's uid: `CLUSTER_ID//Pod/NAMESPACE/NAME`.
    pub uid: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The node that it is bound to, once it is.
    pub node: Option<String>,
    /// Who it is; none when its names make no SPIFFE id.
    pub identity: Option<Identity>,
    /// It is to be in the mesh.
    pub enrolled: bool,
}

/// Translates all objects.
#[must_use]
pub fn translate(objects: &Objects, options: &Options) -> Translation {
    let view = View::of(objects);
    let addresses = Addresses::of(&view);
    let mut output = Output { objects, resources: BTreeMap::new(), problems: of_objects(objects) };
    mesh::translate(&view, &mut output);
    namespaces::translate(&view, &mut output);
    policies::translate(&view, &mut output);
    services::translate(&view, &addresses, &mut output);
    workloads::translate(&view, &addresses, options, &mut output);
    addresses.report(&view, &mut output);
    outside::report(&view, &mut output);
    unsupported::report(&view, &mut output);
    let Output { resources, mut problems, .. } = output;
    problems.sort();
    Translation { resources, problems, pods: workloads::placements(&view, options) }
}

/// Where the translations of each kind put what they make.
#[derive(Debug)]
pub(crate) struct Output<'a> {
    objects: &'a Objects,
    resources: BTreeMap<ResourceName, Vec<u8>>,
    problems: Vec<Report>,
}

impl Output<'_> {
    pub(crate) fn add(&mut self, type_url: &'static str, name: String, message: &impl Message) {
        self.resources.insert(ResourceName { type_url, name }, message.encode_to_vec());
    }

    /// Reports a good object in which something cannot be as written.
    pub(crate) fn report(&mut self, key: &Key, field: String, message: &str, effect: Effect) {
        let source = self.objects.file_of(key).unwrap_or_default().to_owned();
        let problem = Problem { field, ..whole_object(key, message) };
        self.problems.push(Report { source, problem, effect });
    }
}

/// What is wrong with the objects themselves.
fn of_objects(objects: &Objects) -> Vec<Report> {
    let entries = objects.entries().into_iter().filter_map(|(key, (file, entry))| {
        let problem = entry.broken.as_ref()?.problem.clone();
        let effect = match (&entry.good, key.kind) {
            (Some(_), _) => Effect::LastGoodVersion,
            (None, kind) if kind.refuses_unread() => Effect::Refused,
            (None, _) => Effect::Nothing,
        };
        Some(Report { source: file.to_owned(), problem, effect })
    });
    let strays = objects.strays().map(|(file, problem, kept)| {
        let effect = if kept { Effect::LastGoodVersion } else { Effect::Nothing };
        Report { source: file.to_owned(), problem: problem.clone(), effect }
    });
    let shadowed = objects.shadowed().into_iter().map(|(file, key, entry, other)| {
        let twice = || whole_object(key, &format!("stands in {other} too: that one counts"));
        let problem = entry.broken.as_ref().map_or_else(twice, |broken| broken.problem.clone());
        Report { source: file.to_owned(), problem, effect: Effect::Nothing }
    });
    entries.chain(strays).chain(shadowed).collect()
}
