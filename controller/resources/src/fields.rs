//! The fields of an object as a whole.

use serde_json::Value;

use crate::problem::FieldError;
use crate::resource::Kind;

/// Refuses fields that the kind does not have beside `spec`: what is ignored may be what closed something, or even another object
/// that ran into this one.
pub(crate) fn only_of_kind(kind: Kind, value: &Value) -> Result<(), FieldError> {
    const OF_ALL: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];
    let own: &[&str] = match kind {
        Kind::ServiceAccount => &["secrets", "imagePullSecrets", "automountServiceAccountToken"],
        Kind::EndpointSlice => &["addressType", "endpoints", "ports"],
        Kind::Namespace
        | Kind::Pod
        | Kind::Service
        | Kind::AuthorizationPolicy
        | Kind::Mesh
        | Kind::Node
        | Kind::ServiceCidr => &[],
    };
    let is_known = |field: &String| OF_ALL.contains(&field.as_str()) || own.contains(&field.as_str());
    let mut fields = value.as_object().into_iter().flat_map(|object| object.keys());
    match fields.find(|field| !is_known(field)) {
        Some(unknown) => Err(FieldError::new(unknown, format!("{kind} has no such field beside spec"))),
        None => Ok(()),
    }
}

/// Refuses what is written and empty in the spec of our own kinds: it would read as "any".
pub(crate) fn nothing_empty(value: &Value) -> Result<(), FieldError> {
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
