//! Applies one changed resource to a mesh, which gives the next mesh.

use std::sync::Arc;

use karez_api::workload::address;
use karez_api::{security, settings, workload};

use crate::object::policy::{Body, Policy, PolicyName};
use crate::object::service::{Service, ServiceName};
use crate::object::settings::{Namespace, Settings};
use crate::object::workload::Workload;
use crate::rejected::{Reason, Rejected};
use crate::state::Mesh;

/// One resource that was added, changed or removed.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "made from a decoded resource and taken apart at once")]
pub enum Change {
    /// A workload or a service.
    Address(workload::Address),
    /// Removes the workload or service of that resource name.
    RemoveAddress(String),
    /// A policy.
    Authorization {
        /// The resource's name, `namespace/name`. It is the policy's key even if the policy is malformed.
        name: String,
        /// The policy.
        policy: security::Authorization,
    },
    /// A policy whose bytes are no Authorization. Its last good version stays; without one, its namespace refuses
    /// everything.
    UndecodableAuthorization {
        /// The resource's name.
        name: String,
    },
    /// Removes the policy of that resource name.
    RemoveAuthorization(String),
    /// The mesh's settings.
    Settings(settings::MeshSettings),
    /// Restores the mesh's default settings.
    RemoveSettings,
    /// A namespace's settings.
    Namespace(settings::NamespaceSettings),
    /// Removes the settings of the namespace of that name.
    RemoveNamespace(String),
}

impl Mesh {
    /// Applies one change.
    ///
    /// # Errors
    /// When the object is malformed. Its last good version then stays in force. A policy without one is held as
    /// [unreadable](Body::Unreadable), which refuses everything it covers. All other objects stay as they are.
    pub fn apply(&mut self, change: Change) -> Result<(), Rejected> {
        match change {
            Change::Address(address) => return self.apply_address(address),
            Change::RemoveAddress(name) => self.remove_address(&name),
            Change::Authorization { name, policy } => return self.apply_authorization(name, policy),
            Change::UndecodableAuthorization { name } => {
                self.hold_unreadable(&PolicyName::of_resource(&name), None);
            }
            Change::RemoveAuthorization(name) => self.replace_policy(&PolicyName::of_resource(&name), None),
            Change::Settings(wire) => {
                let settings = Settings::read(&wire).map_err(named("default".to_owned()))?;
                self.replace_settings(settings);
            }
            Change::RemoveSettings => self.replace_settings(Settings::default()),
            Change::Namespace(wire) => {
                let namespace = Namespace::read(&wire).map_err(named(wire.name))?;
                self.namespaces.insert_mut(Arc::clone(&namespace.name), Arc::new(namespace));
            }
            Change::RemoveNamespace(name) => {
                self.namespaces.remove_mut(name.as_str());
            }
        }
        Ok(())
    }

    fn apply_address(&mut self, address: workload::Address) -> Result<(), Rejected> {
        match address.r#type {
            Some(address::Type::Workload(wire)) => {
                let uid = wire.uid.clone();
                let workload =
                    Workload::read(wire, self.settings.trust_domain()).map_err(named(uid.clone()))?;
                self.replace_workload(&uid, Some(workload));
            }
            Some(address::Type::Service(wire)) => {
                let service =
                    Service::read(&wire).map_err(named(format!("{}/{}", wire.namespace, wire.hostname)))?;
                self.replace_service(&service.name.clone(), Some(service));
            }
            None => return Err(named(String::new())(Reason::Missing { field: "type" })),
        }
        Ok(())
    }

    fn remove_address(&mut self, name: &str) {
        self.replace_workload(name, None);
        if let Some(service) = ServiceName::parse(name) {
            self.replace_service(&service, None);
        }
    }

    fn apply_authorization(&mut self, name: String, wire: security::Authorization) -> Result<(), Rejected> {
        let key = PolicyName::of_resource(&name);
        let scope = wire.scope;
        match Policy::read(key.clone(), wire) {
            Ok(policy) => {
                self.replace_policy(&key, Some(policy));
                Ok(())
            }
            Err(reason) => {
                self.hold_unreadable(&key, Some(scope));
                Err(named(name)(reason))
            }
        }
    }

    fn hold_unreadable(&mut self, name: &PolicyName, scope: Option<i32>) {
        let readable = |policy: &Arc<Policy>| policy.body != Body::Unreadable;
        if self.policies.get(name).is_some_and(readable) {
            return;
        }
        let policy = Policy::unreadable(name.clone(), scope);
        self.replace_policy(name, Some(policy));
    }

    fn replace_workload(&mut self, uid: &str, new: Option<Workload>) {
        let old = self.workloads.get(uid).cloned();
        let new = new.map(|mut new| {
            if let Some(replica) = self.workloads.replica_of(&new).or(old.as_ref()) {
                new.share_with(replica);
            }
            Arc::new(new)
        });
        self.workloads.replace(old.as_ref(), new.as_ref());
    }

    fn replace_service(&mut self, name: &ServiceName, new: Option<Service>) {
        let old = self.service(&name.namespace, &name.hostname).cloned();
        self.services.replace(old.as_ref(), new.map(Arc::new).as_ref());
    }

    fn replace_policy(&mut self, name: &PolicyName, new: Option<Policy>) {
        let old = self.policies.get(name).cloned();
        self.policies.replace(old.as_ref(), new.map(Arc::new).as_ref());
    }

    fn replace_settings(&mut self, settings: Settings) {
        // Workloads that name no trust domain have the mesh's, whichever arrives first.
        let moved: Vec<_> = self
            .workloads()
            .filter_map(|old| Some((Arc::clone(old), Arc::new(old.under(settings.trust_domain())?))))
            .collect();
        for (old, new) in &moved {
            self.workloads.replace(Some(old), Some(new));
        }
        self.settings = Arc::new(settings);
    }
}

fn named(name: String) -> impl FnOnce(Reason) -> Rejected {
    |reason| Rejected { name, reason }
}

#[cfg(test)]
mod tests;
