//! The mesh by object key: deltas in, what changed out.
//!
//! Every output is computed as a whole from the objects in force and its own name (a [`Unit`]). A delta says which units ask for
//! its object, [`Dependents`] is the table; those are computed anew, and what they give is compared with what they gave before.
//! So a delta costs what it touches, whatever the size of the mesh, and the order of deltas leaves no trace.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use karez_api::names;
use karez_resources::mesh::{MESH_NAME, MeshSpec};
use karez_resources::{Key, Kind};

use crate::delta::Delta;
use crate::dependents::{Dependents, Unit};
use crate::object::Object;
use crate::options::Options;
use crate::output::{Finding, Output, ResourceName};
use crate::pods::Pods;
use crate::relations::{Lookup, Relations};
use crate::report::Report;
use crate::units;
use crate::view::{Objects, View};

/// All objects of a mesh and what they translate to.
#[derive(Debug)]
pub struct Index {
    options: Options,
    objects: Objects,
    relations: Relations,
    mesh: MeshSpec,
    /// The mesh is being uninstalled.
    uninstalling: bool,
    resources: HashMap<Unit, Vec<(ResourceName, Bytes)>>,
    findings: HashMap<Unit, Vec<Finding>>,
    pods: Pods,
    /// An object has gone to another file, which reports name.
    moved: bool,
    /// Units to compute anew; none of them before the first time, which computes all.
    asked: Option<BTreeSet<Unit>>,
}

/// What some deltas changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Resources that are new or say something else: the bare message of each, encoded.
    pub set: Vec<(ResourceName, Bytes)>,
    /// Resources that are gone.
    pub removed: Vec<ResourceName>,
    /// [`Index::problems`] are others than before.
    pub problems: bool,
}

impl Default for Index {
    fn default() -> Self {
        Self::new(Options::default())
    }
}

impl Index {
    /// An index without objects.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            options,
            objects: Objects::new(),
            relations: Relations::default(),
            mesh: MeshSpec::default(),
            uninstalling: false,
            resources: HashMap::new(),
            findings: HashMap::new(),
            pods: Pods::default(),
            moved: false,
            asked: None,
        }
    }

    /// Takes deltas in, one after the other, and returns what all of them together have changed.
    pub fn apply(&mut self, deltas: impl IntoIterator<Item = Delta>) -> Changes {
        self.load(deltas);
        let units = self.asked.replace(BTreeSet::new()).unwrap_or_else(|| self.every_unit());
        let mut changed = Changed { problems: std::mem::take(&mut self.moved), ..Changed::default() };
        for unit in units {
            self.compute(&unit, &mut changed);
        }
        changed.into_changes()
    }

    /// Takes deltas in, and leaves what they change to the next [`Self::apply`]. At the start this is much less work.
    pub fn load(&mut self, deltas: impl IntoIterator<Item = Delta>) {
        for delta in deltas {
            self.take_in(delta);
        }
    }

    /// The mesh's settings; their defaults when there is no `Mesh`.
    #[must_use]
    pub fn mesh(&self) -> &MeshSpec {
        &self.mesh
    }

    /// Where every Pod is: a look at this moment, cheap to take.
    #[must_use]
    pub fn pods(&self) -> &Pods {
        &self.pods
    }

    /// All resources, sorted: the bare message of each, encoded.
    #[must_use]
    pub fn resources(&self) -> BTreeMap<ResourceName, Bytes> {
        self.resources.values().flatten().cloned().collect()
    }

    /// What is wrong, sorted.
    #[must_use]
    pub fn problems(&self) -> Vec<Report> {
        let report = |finding: &Finding| {
            let file = self.objects.get(&finding.key).and_then(|object| object.file.as_deref());
            Report {
                source: file.unwrap_or_default().to_owned(),
                problem: finding.problem.clone(),
                effect: finding.effect,
            }
        };
        let mut problems: Vec<Report> = self.findings.values().flatten().map(report).collect();
        problems.sort();
        problems
    }

    fn take_in(&mut self, delta: Delta) {
        let key = delta.key();
        let (key, before) = match self.objects.remove_entry(&key) {
            Some((key, before)) => (key, before),
            None => (Arc::new(key), Object::default()),
        };
        let after = before.after(delta);
        if before == after {
            if !after.is_absent() {
                self.objects.insert(key, after);
            }
            return;
        }
        self.moved |= before.file != after.file;
        self.relations.remove(&key, &before);
        self.relations.add(&key, &after);
        if !after.is_absent() {
            self.objects.insert(Arc::clone(&key), after.clone());
        }
        let governs = is_mesh(&key) || key.kind == Kind::ServiceCidr;
        let mesh_before = governs.then(|| {
            let after = mesh_in_force(&self.objects, &self.relations);
            std::mem::replace(&mut self.mesh, after)
        });
        let was_uninstalling = self.uninstalling;
        if is_controllers(&key, &self.options) {
            self.uninstalling = after.service().is_some_and(|service| service.uninstalling);
        }
        let Some(asked) = &mut self.asked else { return };
        let view = View {
            options: &self.options,
            mesh: &self.mesh,
            objects: &self.objects,
            relations: &self.relations,
            uninstalling: self.uninstalling,
        };
        let mut dependents = Dependents::new(view, asked);
        dependents.of_change(&key, &before, &after);
        if let Some(before) = mesh_before {
            dependents.of_mesh(&before, &self.mesh);
        }
        if self.uninstalling != was_uninstalling {
            dependents.everything();
        }
    }

    fn view(&self) -> View<'_> {
        View {
            options: &self.options,
            mesh: &self.mesh,
            objects: &self.objects,
            relations: &self.relations,
            uninstalling: self.uninstalling,
        }
    }

    fn every_unit(&self) -> BTreeSet<Unit> {
        let mut units = BTreeSet::new();
        Dependents::new(self.view(), &mut units).everything();
        units
    }

    fn compute(&mut self, unit: &Unit, changed: &mut Changed) {
        let view = self.view();
        let Output { resources, findings } = units::compute(view, unit);
        if let Unit::Object(key) = unit
            && key.kind == Kind::Pod
        {
            let placement = units::placement(view, key);
            self.pods.place(key, placement);
        }
        let before = self.findings.get(unit).map_or(&[][..], Vec::as_slice);
        if before != findings {
            changed.problems = true;
            replace(&mut self.findings, unit, findings);
        }
        let before = self.resources.get(unit).map_or(&[][..], Vec::as_slice);
        if before != resources {
            changed.note(before, &resources);
            replace(&mut self.resources, unit, resources);
        }
    }
}

/// What the Mesh says; its ranges are those that it names, and those that the cluster gives to Services.
fn mesh_in_force(objects: &Objects, relations: &Relations) -> MeshSpec {
    let mesh = objects.get(&Key::new(Kind::Mesh, "", MESH_NAME));
    let mut mesh = mesh.map_or_else(MeshSpec::default, Object::mesh);
    let cidrs =
        relations.found_by(&Lookup::ServiceRange).iter().filter_map(|key| objects.get(key)?.service_cidr());
    for range in cidrs.flat_map(|cidr| &cidr.ranges) {
        if !mesh.address_ranges.contains(range) {
            mesh.address_ranges.push(*range);
        }
    }
    mesh
}

/// Whether the object is the one Mesh.
pub(crate) fn is_mesh(key: &Key) -> bool {
    key.kind == Kind::Mesh && key.name == MESH_NAME
}

/// Whether the object is the Service of the mesh's own controllers.
fn is_controllers(key: &Key, options: &Options) -> bool {
    key.kind == Kind::Service
        && key.name == names::object::CONTROLLER
        && options.own_namespace.as_deref() == Some(&*key.namespace)
}

fn replace<T>(all: &mut HashMap<Unit, Vec<T>>, unit: &Unit, values: Vec<T>) {
    if values.is_empty() {
        all.remove(unit);
    } else {
        all.insert(unit.clone(), values);
    }
}

/// Changes on their way to [`Changes`].
#[derive(Debug, Default)]
struct Changed {
    /// A name may go from one unit to another: it is set then, whichever of the two comes first.
    set: BTreeMap<ResourceName, Bytes>,
    removed: BTreeSet<ResourceName>,
    problems: bool,
}

impl Changed {
    fn note(&mut self, before: &[(ResourceName, Bytes)], after: &[(ResourceName, Bytes)]) {
        for resource in after.iter().filter(|resource| !before.contains(resource)) {
            self.set.insert(resource.0.clone(), resource.1.clone());
        }
        let is_gone = |name: &ResourceName| !after.iter().any(|(after, _)| after == name);
        self.removed.extend(before.iter().map(|(name, _)| name).filter(|name| is_gone(name)).cloned());
    }

    fn into_changes(self) -> Changes {
        let Self { set, removed, problems } = self;
        let removed = removed.into_iter().filter(|name| !set.contains_key(name)).collect();
        Changes { removed, set: set.into_iter().collect(), problems }
    }
}

#[cfg(test)]
mod tests;
