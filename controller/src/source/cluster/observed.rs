//! An object as the API server sent it.
//!
//! Its name is always known, because the API server guarantees that much; what it says may be wrong, of a version of its kind
//! that we do not know, say, and then it is an object that cannot be read. So no object ever stops a list or a watch.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use karez_resources::policy::Selector;
use karez_resources::status::{ACCEPTED, LAST_GOOD_SPEC};
use karez_resources::{FieldError, Key, Kind, Problem, Resource, object};
use karez_translate::{Broken, Delta};
use serde::de::{DeserializeOwned, DeserializeSeed as _, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::needed::Needed;
use crate::conditions::Sighting;

/// A kind that is watched, as the API declares it.
pub(super) trait Watched:
    kube::Resource<DynamicType = (), Scope: Send>
    + DeserializeOwned
    + Clone
    + std::fmt::Debug
    + Send
    + Sync
    + 'static
{
    /// The kind.
    const KIND: Kind;

    /// Validates it.
    fn validate(self) -> Result<Resource, FieldError>;
}

macro_rules! watched {
    ($($kind:ident: $object:ty),+ $(,)?) => {$(
        impl Watched for $object {
            const KIND: Kind = Kind::$kind;

            fn validate(self) -> Result<Resource, FieldError> {
                self.try_into()
            }
        }
    )+};
}

watched! {
    Namespace: k8s_openapi::api::core::v1::Namespace,
    Pod: k8s_openapi::api::core::v1::Pod,
    Service: k8s_openapi::api::core::v1::Service,
    EndpointSlice: k8s_openapi::api::discovery::v1::EndpointSlice,
    AuthorizationPolicy: karez_resources::policy::AuthorizationPolicy,
    Mesh: karez_resources::mesh::Mesh,
    Node: k8s_openapi::api::core::v1::Node,
    ServiceCidr: k8s_openapi::api::networking::v1::ServiceCIDR,
}

/// An object of the kind `K`, good or not.
#[derive(Debug, Clone)]
pub(super) struct Observed<K> {
    /// What names it and its version, and nothing else.
    meta: ObjectMeta,
    object: Result<Resource, FieldError>,
    /// Of a policy that cannot be read: the Pods that it covers, when that much can be.
    selector: Option<Selector>,
    /// Of a kind that has a status of ours.
    status: Option<OwnStatus>,
    kind: PhantomData<K>,
}

/// What those who write statuses need to know of an object.
#[derive(Debug, Clone)]
struct OwnStatus {
    condition: Option<Condition>,
    /// As JSON.
    spec: Option<Arc<str>>,
    last_good_spec: Option<Arc<str>>,
}

impl<K: Watched> Observed<K> {
    /// The object's name.
    pub(super) fn key(&self) -> Key {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Key { kind: K::KIND, namespace: text(&self.meta.namespace), name: text(&self.meta.name) }
    }

    /// What those who write statuses need to know of it.
    pub(super) fn sighting(&self) -> Sighting {
        let generation = self.meta.generation.unwrap_or(0);
        let status = self.status.as_ref();
        Sighting::There {
            key: self.key(),
            generation,
            condition: status.and_then(|it| it.condition.clone()),
            good_spec: status.filter(|_| self.object.is_ok()).and_then(|it| it.spec.clone()),
            last_good_spec: status.and_then(|it| it.last_good_spec.clone()),
        }
    }

    /// What there is to say of it.
    pub(super) fn delta(self) -> Delta {
        let key = self.key();
        let last_good_spec = self.status.and_then(|status| status.last_good_spec);
        match self.object {
            Ok(resource) => Delta::set(resource),
            Err(FieldError { field, message }) => {
                let Key { namespace, name, .. } = key.clone();
                let kind = K::KIND.as_str().to_owned();
                let problem = Problem { kind, namespace, name, field, line: None, message };
                let last_good = last_good_spec.and_then(|spec| last_good::<K>(&key, &spec));
                let broken = Broken { problem, selector: self.selector, last_good: last_good.map(Arc::new) };
                Delta::Unreadable { key, broken: Box::new(broken), file: None }
            }
        }
    }
}

impl<'de, K: Watched> Deserialize<'de> for Observed<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Needed::of(K::KIND).deserialize(deserializer)?;
        let meta = value.get("metadata").and_then(Value::as_object);
        let meta = meta.ok_or_else(|| D::Error::custom("an object without metadata"))?;
        let text = |field: &str| meta.get(field).and_then(Value::as_str).map(str::to_owned);
        let meta = ObjectMeta {
            namespace: text("namespace"),
            name: text("name"),
            uid: text("uid"),
            resource_version: text("resourceVersion"),
            generation: meta.get("generation").and_then(Value::as_i64),
            ..ObjectMeta::default()
        };
        let is_policy = K::KIND == Kind::AuthorizationPolicy;
        let selector = is_policy.then(|| Selector::of_broken(&value)).flatten();
        let status = has_status(K::KIND).then(|| OwnStatus::of(&value));
        let object = object::decode::<K>(value).and_then(K::validate);
        Ok(Self { meta, object, selector, status, kind: PhantomData })
    }
}

/// Whether the controller writes a status to objects of the kind.
pub(super) fn has_status(kind: Kind) -> bool {
    matches!(kind, Kind::AuthorizationPolicy | Kind::Mesh)
}

impl OwnStatus {
    fn of(object: &Value) -> Self {
        let last_good = object.get("status").and_then(|status| status.get(LAST_GOOD_SPEC)?.as_str());
        Self {
            condition: condition(object),
            spec: object.get("spec").map(|spec| spec.to_string().into()),
            last_good_spec: last_good.map(Arc::from),
        }
    }
}

/// An object as its status keeps it. A spec that cannot be read any more, as after a downgrade, is none.
fn last_good<K: Watched>(key: &Key, spec: &str) -> Option<Resource> {
    let spec: Value = serde_json::from_str(spec).ok()?;
    let mut object = json!({"metadata": {"name": key.name}, "spec": spec});
    if K::KIND.is_namespaced() {
        *object.pointer_mut("/metadata")? = json!({"name": key.name, "namespace": key.namespace});
    }
    object::decode::<K>(object).and_then(K::validate).ok()
}

fn condition(object: &Value) -> Option<Condition> {
    let conditions = object.get("status")?.get("conditions")?.as_array()?;
    let accepted = conditions.iter().find(|it| it.get("type").and_then(Value::as_str) == Some(ACCEPTED))?;
    // One that cannot be read is written anew.
    serde_json::from_value(accepted.clone()).ok()
}

/// Lists and watches go to the same paths as those of `K`.
impl<K: Watched> kube::Resource for Observed<K> {
    type DynamicType = ();
    type Scope = K::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        K::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        K::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        K::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        K::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

#[cfg(test)]
mod tests;
