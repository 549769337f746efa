//! The chart's values, their schema and their page in docs say the same. `KAREZ_BLESS=1 cargo test -p karez-e2e --test chart` writes
//! the page anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// One value, as values.yaml has it.
struct Documented {
    /// Such as `mesh.mtls`.
    path: String,
    /// As written.
    default: String,
    /// The comment above it.
    comment: String,
}

#[test]
fn the_page_has_every_value() -> Result<()> {
    let page = page(&values()?)?;
    let file = root().join("docs/values.md");
    if std::env::var_os("KAREZ_BLESS").is_some() {
        fs::write(&file, &page)?;
    }
    ensure!(fs::read_to_string(&file)? == page, "docs/values.md is not what values.yaml says");
    Ok(())
}

#[test]
fn the_schema_has_every_value_and_no_other() -> Result<()> {
    let schema: Value = serde_json::from_str(&fs::read_to_string(chart().join("values.schema.json"))?)?;
    let mut allowed = BTreeSet::new();
    collect(&schema, "", &mut allowed)?;
    // Helm's own.
    allowed.remove("global");
    let documented = values()?.into_iter().map(|value| value.path).collect();
    ensure!(allowed == documented, "the schema allows {allowed:?}, and documented are {documented:?}");
    Ok(())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn chart() -> PathBuf {
    root().join("charts/karez")
}

/// Reads values.yaml by lines: a comment belongs to the value below it, and a key without a value is a section.
fn values() -> Result<Vec<Documented>> {
    let text = fs::read_to_string(chart().join("values.yaml"))?;
    let (mut found, mut comment, mut section) = (Vec::new(), Vec::new(), String::new());
    for line in text.lines() {
        if let Some(words) = line.trim_start().strip_prefix("# ") {
            comment.push(words);
            continue;
        }
        if let Some((key, default)) = line.split_once(':') {
            let (key, default) = (key.trim_start(), default.trim());
            if default.is_empty() {
                key.clone_into(&mut section);
            } else {
                let path = if line.starts_with(' ') { format!("{section}.{key}") } else { key.to_owned() };
                ensure!(!comment.is_empty(), "{path} has no comment in values.yaml");
                found.push(Documented { path, default: default.to_owned(), comment: comment.join(" ") });
            }
        }
        comment.clear();
    }
    Ok(found)
}

fn page(values: &[Documented]) -> Result<String> {
    let mut page = "# The chart's values\n\n\
        Written from charts/karez/values.yaml by `KAREZ_BLESS=1 cargo test -p karez-e2e --test chart`. A value that is not here is refused.\n\n\
        | value | default | |\n| --- | --- | --- |\n"
        .to_owned();
    for Documented { path, default, comment } in values {
        writeln!(page, "| `{path}` | `{default}` | {comment} |")?;
    }
    Ok(page)
}

/// Paths of all values of a schema, whose objects must name all that they take.
fn collect(schema: &Value, path: &str, found: &mut BTreeSet<String>) -> Result<()> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        found.insert(path.to_owned());
        return Ok(());
    };
    let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    ensure!(is_closed, "the schema takes whatever it is given at {path:?}");
    for (name, property) in properties {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        collect(property, &path, found).with_context(|| path.clone())?;
    }
    Ok(())
}
