//! One object, already parsed from YAML or JSON: recognised by its kind, read into its type, and named even when it cannot
//! be.

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1 as discovery;
use k8s_openapi::api::networking::v1 as networking;
use serde_json::Value;

use crate::fields;
use crate::manifest::{Broken, Ignored, Reading, Subject};
use crate::manifest_defaults;
use crate::mesh::{MESH_NAME, Mesh};
use crate::metadata::{DEFAULT_NAMESPACE, only_known_fields};
use crate::object;
use crate::policy::{AuthorizationPolicy, Selector};
use crate::problem::{FieldError, Problem, shortened};
use crate::recognition::{Recognised, recognise};
use crate::resource::{Key, Kind, Resource};
use crate::syntax;

/// Reads one object.
pub(crate) fn read(value: Value) -> Reading {
    let claims = Claims::of(&value);
    let broken = |claims: Claims, parsed, selector, problem| {
        Reading::Broken(Box::new(claims.broken(parsed, selector, problem)))
    };
    match claims.recognise() {
        Recognised::NotOurs if has_items(&value) => {
            let message = format!("{:?} has items, as a List has, and is none", claims.kind);
            broken(claims, Parsed::Whole, None, FieldError::new("kind", message))
        }
        Recognised::NotOurs => Reading::Ignored(claims.ignored()),
        Recognised::Foreign(problem)
        | Recognised::OtherVersion(_, problem)
        | Recognised::Unknown { problem, .. } => broken(claims, Parsed::Whole, None, problem),
        Recognised::Ours(kind) => {
            let selector = (kind == Kind::AuthorizationPolicy).then(|| Selector::of_broken(&value)).flatten();
            if let Err(problem) = fields::only_of_kind(kind, &value) {
                return broken(claims, Parsed::WithMore, selector, problem);
            }
            match resource(kind, value) {
                Ok(resource) => Reading::Good(Box::new(resource)),
                Err(problem) => broken(claims, Parsed::Whole, selector, problem),
            }
        }
    }
}

/// A list was taken apart before.
fn has_items(value: &Value) -> bool {
    value.get("items").is_some_and(Value::is_array)
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
    /// All, and it holds what is none of it: this may be what is left of another object, and the marker between them damaged.
    WithMore,
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

    fn recognise(&self) -> Recognised {
        recognise(&self.api_version, &self.kind)
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
        // With metadata that is wrong it may have been called otherwise, and have been in another namespace.
        let is_named =
            !problem.field.starts_with("metadata") && self.key(Kind::AuthorizationPolicy).is_some();
        let subject = match self.subject(parsed) {
            Subject::Known(key) if !is_named => Subject::Presumed(key),
            subject => subject,
        };
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
            // Where the namespace is a guess, so is what the selector selects in it.
            selector: selector.filter(|_| is_named),
            subject,
        }
    }

    fn subject(&self, parsed: Parsed) -> Subject {
        let seems =
            |kind, subject: fn(Key) -> Subject| self.seeming_key(kind).map_or(Subject::Unknown, subject);
        match self.recognise() {
            Recognised::Ours(kind) | Recognised::OtherVersion(kind, _) => match (self.key(kind), parsed) {
                (Some(key), Parsed::Whole) => Subject::Known(key),
                _ => seems(kind, Subject::Presumed),
            },
            Recognised::Unknown { guess: Some(kind), .. } => seems(kind, Subject::Guessed),
            Recognised::Foreign(_) if parsed == Parsed::Whole => {
                seems(Kind::AuthorizationPolicy, Subject::Foreign)
            }
            Recognised::Unknown { guess: None, .. } | Recognised::Foreign(_) | Recognised::NotOurs => {
                Subject::Unknown
            }
        }
    }

    /// The key that it has by what it says, if it can have one.
    fn key(&self, kind: Kind) -> Option<Key> {
        let name = Some(self.name.as_str()).filter(|name| match kind {
            Kind::Mesh => *name == MESH_NAME,
            _ => syntax::subdomain(name).is_ok(),
        });
        Some(Key::new(kind, self.namespace_of(kind)?, name?))
    }

    /// The key that it is taken for, where a wrong name does not keep it from closing something: a policy has a made-up one
    /// then, and there is one Mesh, whatever it is called.
    fn seeming_key(&self, kind: Kind) -> Option<Key> {
        let made_up = || {
            let namespace = self.namespace_of(kind).unwrap_or(DEFAULT_NAMESPACE);
            Key::new(kind, namespace, &made_up_name(&self.name))
        };
        match kind {
            Kind::Mesh => Some(Key::new(kind, "", MESH_NAME)),
            Kind::AuthorizationPolicy => Some(self.key(kind).unwrap_or_else(made_up)),
            _ => self.key(kind),
        }
    }

    fn namespace_of(&self, kind: Kind) -> Option<&str> {
        match self.namespace.as_deref().filter(|namespace| !namespace.is_empty()) {
            _ if !kind.is_namespaced() => Some(""),
            Some(namespace) => Some(namespace).filter(|namespace| syntax::label(namespace).is_ok()),
            None => Some(DEFAULT_NAMESPACE),
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

fn resource(kind: Kind, value: Value) -> Result<Resource, FieldError> {
    only_known_fields(value.get("metadata").unwrap_or(&Value::Null))?;
    match kind {
        Kind::Namespace => object::decode::<core::Namespace>(value)?.try_into(),
        Kind::ServiceAccount => object::decode::<core::ServiceAccount>(value)?.try_into(),
        Kind::Pod => manifest_defaults::pod(object::decode(value)?).try_into(),
        Kind::Service => object::decode::<core::Service>(value)?.try_into(),
        Kind::Node => object::decode::<core::Node>(value)?.try_into(),
        Kind::ServiceCidr => object::decode::<networking::ServiceCIDR>(value)?.try_into(),
        Kind::EndpointSlice => object::decode::<discovery::EndpointSlice>(value)?.try_into(),
        Kind::AuthorizationPolicy => {
            fields::nothing_empty(&value)?;
            object::decode::<AuthorizationPolicy>(value)?.try_into()
        }
        Kind::Mesh => {
            fields::nothing_empty(&value)?;
            object::decode::<Mesh>(value)?.try_into()
        }
    }
}
