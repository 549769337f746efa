//! `kubectl`, as users run it.

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::program::run;

/// Runs `kubectl` and gives what it prints.
pub(crate) fn kubectl(arguments: &[&str]) -> Result<String> {
    run("kubectl", arguments, "")
}

/// What the API server has of an object or a list.
pub(crate) fn get(arguments: &[&str]) -> Result<Value> {
    let text = kubectl(&[&["get", "--output=json"], arguments].concat())?;
    serde_json::from_str(&text).with_context(|| format!("kubectl get {}", arguments.join(" ")))
}

/// Creates or changes the object.
pub(crate) fn apply(object: &Value, arguments: &[&str]) -> Result<()> {
    run("kubectl", &[&["apply", "--filename=-"], arguments].concat(), &object.to_string()).map(|_| ())
}

/// The list in an object at a path such as `/status/conditions`; empty where there is none.
pub(crate) fn list<'a>(object: &'a Value, path: &str) -> &'a [Value] {
    object.pointer(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
