//! One object, already parsed from YAML or JSON: recognised by its kind, read into its type, and named even when it cannot
//! be.

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1 as discovery;
use karez_api::names;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::endpoint_slice::EndpointSlice;
use crate::manifest::{Broken, Ignored, Reading, Subject};
use crate::mesh::{Mesh, MeshResource};
use crate::metadata::{DEFAULT_NAMESPACE, only_known_fields};
use crate::namespace::Namespace;
use crate::pod::Pod;
use crate::policy::{AuthorizationPolicy, PolicyResource, Selector};
use crate::problem::{FieldError, Problem, shortened};
use crate::resource::{Key, Kind, Resource};
use crate::service::Service;
use crate::service_account::ServiceAccount;
use crate::syntax;

/// API groups of other projects that have a kind of the same name as one of ours.
const FOREIGN_GROUPS: [&str; 2] = ["security.istio.io", "policy.linkerd.io"];

/// What an object says that it is.
enum Recognised {
    Ours(Kind),
    NotOurs,
    /// Of a kind that we read, or meant to be; not in a form that we know.
    Unknown {
        taken_for: Option<Kind>,
        problem: FieldError,
    },
}

/// Reads one object.
pub(crate) fn read(value: Value) -> Reading {
    let claims = Claims::of(&value);
    let broken = |claims: Claims, selector, problem| {
        Reading::Broken(Box::new(claims.broken(Parsed::Whole, selector, problem)))
    };
    match claims.recognise() {
        Recognised::NotOurs => Reading::Ignored(claims.ignored()),
        Recognised::Unknown { problem, .. } => broken(claims, None, problem),
        Recognised::Ours(kind) => {
            let selector = (kind == Kind::AuthorizationPolicy).then(|| readable_selector(&value)).flatten();
            match resource(kind, value) {
                Ok(resource) => Reading::Good(resource),
                Err(problem) => broken(claims, selector, problem),
            }
        }
    }
}

/// What an object says of itself, believed only to name it.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
}

/// How much of an object's text could be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// All: its claims are what it says.
    Whole,
    /// None: its claims were picked out of the text.
    Not,
}

impl Claims {
    fn of(value: &Value) -> Self {
        let text = |value: Option<&Value>| match value {
            Some(Value::String(text)) => shortened(text),
            // Not a name, but what the user calls it.
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Bool(word)) => word.to_string(),
            None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => String::new(),
        };
        let metadata = value.get("metadata");
        let field = |name: &str| metadata.and_then(|metadata| metadata.get(name));
        Self {
            api_version: text(value.get("apiVersion")),
            kind: text(value.get("kind")),
            namespace: field("namespace")
                .filter(|namespace| !namespace.is_null())
                .map(|namespace| text(Some(namespace))),
            name: text(field("name")),
        }
    }

    /// The kind that it is, or is taken for when it is wrong.
    pub(crate) fn kind(&self) -> Option<Kind> {
        match self.recognise() {
            Recognised::Ours(kind) => Some(kind),
            Recognised::Unknown { taken_for, .. } => taken_for,
            Recognised::NotOurs => None,
        }
    }

    fn recognise(&self) -> Recognised {
        let unknown = |taken_for, field: &str, message: String| Recognised::Unknown {
            taken_for,
            problem: FieldError::new(field, message),
        };
        let group = self.api_version.split_once('/').map_or("", |(group, _)| group);
        // Whatever an object of this group was meant to be, the group's kinds close things: it is taken for a policy.
        let close = (group == names::GROUP).then_some(Kind::AuthorizationPolicy);
        match Kind::ALL.into_iter().find(|kind| kind.as_str() == self.kind) {
            Some(kind) if kind.api_version() == self.api_version => Recognised::Ours(kind),
            Some(_) if FOREIGN_GROUPS.contains(&group) => Recognised::NotOurs,
            Some(kind) => {
                let message = format!(
                    "the apiVersion of {kind} is {:?}, not {:?}",
                    kind.api_version(),
                    self.api_version
                );
                unknown(Some(kind), "apiVersion", message)
            }
            None if self.kind.is_empty() => unknown(close, "kind", "an object needs a kind".to_owned()),
            None if self.api_version.is_empty() => {
                unknown(None, "apiVersion", "an object needs an apiVersion".to_owned())
            }
            None if close.is_some() => {
                unknown(close, "kind", format!("{:?} is not a kind of {}", self.kind, names::GROUP))
            }
            None => Recognised::NotOurs,
        }
    }

    fn ignored(self) -> Ignored {
        Ignored {
            api_version: self.api_version,
            kind: self.kind,
            namespace: self.namespace.unwrap_or_default(),
            name: self.name,
        }
    }

    /// Names the object as well as it can be named.
    pub(crate) fn broken(self, parsed: Parsed, selector: Option<Selector>, problem: FieldError) -> Broken {
        let kind = self.kind();
        let subject = kind.map_or(Subject::Unknown, |kind| self.subject(kind, parsed));
        let namespace = match (&subject, self.namespace) {
            (Subject::Known(key) | Subject::Presumed(key), None) => key.namespace.clone(),
            (_, written) => written.unwrap_or_default(),
        };
        Broken {
            problem: Problem {
                kind: self.kind,
                namespace,
                name: self.name,
                field: problem.field,
                line: None,
                message: shortened(&problem.message),
            },
            // Where the namespace is a guess, so is what the selector would select in it.
            selector: selector.filter(|_| matches!(subject, Subject::Known(_))),
            subject,
        }
    }

    fn subject(&self, kind: Kind, parsed: Parsed) -> Subject {
        let written = self.namespace.as_deref().filter(|namespace| !namespace.is_empty());
        let namespace = match written {
            _ if !kind.is_namespaced() => Some(""),
            Some(namespace) => Some(namespace).filter(|namespace| syntax::label(namespace).is_ok()),
            None => Some(DEFAULT_NAMESPACE),
        };
        let name = Some(self.name.as_str()).filter(|name| syntax::subdomain(name).is_ok());
        match (namespace, name) {
            (Some(namespace), Some(name)) if parsed == Parsed::Whole => {
                Subject::Known(Key::new(kind, namespace, name))
            }
            (Some(namespace), Some(name)) => Subject::Presumed(Key::new(kind, namespace, name)),
            _ if kind != Kind::AuthorizationPolicy => Subject::Unknown,
            (namespace, _) => Subject::Presumed(Key::new(
                kind,
                namespace.unwrap_or(DEFAULT_NAMESPACE),
                &made_up_name(&self.name),
            )),
        }
    }
}

/// In parentheses: a name that no object can have.
fn made_up_name(written: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' };
    match written {
        "" => "(unnamed)".to_owned(),
        written => format!("({})", written.chars().map(plain).collect::<String>()),
    }
}

/// Which Pods a policy covers that is wrong elsewhere; none when that cannot be said either.
fn readable_selector(value: &Value) -> Option<Selector> {
    let spec = value.get("spec")?;
    if spec.get("targetRefs").is_some() {
        return None;
    }
    // A selector that cannot be read covers what no selector does: the namespace.
    let selector: Selector = serde_json::from_value(spec.get("selector")?.clone()).ok()?;
    selector.check().is_ok().then_some(selector)
}

fn resource(kind: Kind, value: Value) -> Result<Resource, FieldError> {
    only_known_fields(value.get("metadata").unwrap_or(&Value::Null))?;
    Ok(match kind {
        Kind::Namespace => Resource::Namespace(Namespace::read(typed::<core::Namespace>(value)?)?),
        Kind::ServiceAccount => {
            Resource::ServiceAccount(ServiceAccount::read(typed::<core::ServiceAccount>(value)?)?)
        }
        Kind::Pod => Resource::Pod(Pod::read(typed::<core::Pod>(value)?)?),
        Kind::Service => Resource::Service(Service::read(typed::<core::Service>(value)?)?),
        Kind::EndpointSlice => {
            Resource::EndpointSlice(EndpointSlice::read(typed::<discovery::EndpointSlice>(value)?)?)
        }
        Kind::AuthorizationPolicy => {
            only_known_shape(&value)?;
            let object = typed::<AuthorizationPolicy>(value)?;
            Resource::AuthorizationPolicy(PolicyResource::read(object.metadata, object.spec)?)
        }
        Kind::Mesh => {
            only_known_shape(&value)?;
            let object = typed::<Mesh>(value)?;
            Resource::Mesh(MeshResource::read(object.metadata, object.spec)?)
        }
    })
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, FieldError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let field = match error.path().to_string() {
            root if root == "." => String::new(),
            path => path,
        };
        FieldError::new(field, error.inner())
    })
}

/// Our own objects hold nothing beside `spec`, and nothing that is written and empty: both would read as "any".
fn only_known_shape(value: &Value) -> Result<(), FieldError> {
    const FIELDS: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];
    let object = value.as_object();
    if let Some(unknown) = object.and_then(|object| object.keys().find(|key| !FIELDS.contains(&key.as_str())))
    {
        return Err(FieldError::new(unknown, "there is no such field beside spec"));
    }
    match value.get("spec").and_then(|spec| first_null(spec, "spec")) {
        Some(field) => Err(FieldError::new(field, "is empty: give it a value or leave it out")),
        None => Ok(()),
    }
}

fn first_null(value: &Value, path: &str) -> Option<String> {
    match value {
        Value::Null => Some(path.to_owned()),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(at, item)| first_null(item, &format!("{path}[{at}]")))
        }
        Value::Object(fields) => {
            fields.iter().find_map(|(key, field)| first_null(field, &format!("{path}.{key}")))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}
