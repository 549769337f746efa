//! The plugin's entry in a network's configuration (CNI specification, "Network configuration lists"). Pure.

use karez_cni::NAME;
use karez_cni::configuration::{Entry, VERSIONS};
use serde_json::{Map, Value};

/// Why a text is no list of plugins that ours can stand in.
#[derive(Debug, thiserror::Error)]
pub enum InvalidConflist {
    /// Not JSON.
    #[error("not JSON: {0}")]
    Form(#[from] serde_json::Error),
    /// Not a list of plugins.
    #[error("it has no list of plugins")]
    NoPlugins,
    /// The plugins speak a version that ours does not.
    #[error("CNI version {0} is not spoken, only {list}", list = VERSIONS.join(", "))]
    Version(String),
}

/// The list with the entry behind all others; None when it stands there already.
///
/// # Errors
/// When the text is no list that it can stand in.
pub fn with_entry(text: &str, entry: &Entry) -> Result<Option<String>, InvalidConflist> {
    let mut list: Map<String, Value> = serde_json::from_str(text)?;
    let version = list.get("cniVersion").and_then(Value::as_str).unwrap_or_default();
    if !VERSIONS.contains(&version) {
        return Err(InvalidConflist::Version(version.to_owned()));
    }
    let entry = serde_json::to_value(entry)?;
    let plugins = plugins(&mut list)?;
    let is_last = plugins.last() == Some(&entry);
    if is_last && plugins.iter().filter(|plugin| is_ours(plugin)).count() == 1 {
        return Ok(None);
    }
    plugins.retain(|plugin| !is_ours(plugin));
    plugins.push(entry);
    Ok(Some(serde_json::to_string_pretty(&list)?))
}

/// The list without the entry; None when it is not there.
///
/// # Errors
/// When the text is no list of plugins.
pub fn without_entry(text: &str) -> Result<Option<String>, InvalidConflist> {
    let mut list: Map<String, Value> = serde_json::from_str(text)?;
    let plugins = plugins(&mut list)?;
    let before = plugins.len();
    plugins.retain(|plugin| !is_ours(plugin));
    if plugins.len() == before { Ok(None) } else { Ok(Some(serde_json::to_string_pretty(&list)?)) }
}

fn plugins(list: &mut Map<String, Value>) -> Result<&mut Vec<Value>, InvalidConflist> {
    list.get_mut("plugins").and_then(Value::as_array_mut).ok_or(InvalidConflist::NoPlugins)
}

fn is_ours(plugin: &Value) -> bool {
    plugin.get("type").and_then(Value::as_str) == Some(NAME)
}

#[cfg(test)]
mod tests;
