//! `kubectl`, as users run it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// Runs `kubectl` and gives what it prints.
pub(crate) fn kubectl(arguments: &[&str]) -> Result<String> {
    run(arguments, "")
}

/// What the API server has of an object or a list.
pub(crate) fn get(arguments: &[&str]) -> Result<Value> {
    let text = kubectl(&[&["get", "--output=json"], arguments].concat())?;
    serde_json::from_str(&text).with_context(|| format!("kubectl get {}", arguments.join(" ")))
}

/// Creates or changes the object.
pub(crate) fn apply(object: &Value, arguments: &[&str]) -> Result<()> {
    run(&[&["apply", "--filename=-"], arguments].concat(), &object.to_string()).map(|_| ())
}

fn run(arguments: &[&str], input: &str) -> Result<String> {
    let mut child = Command::new("kubectl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting kubectl: run these tests by e2e/kube test")?;
    child.stdin.take().context("kubectl has no input")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "kubectl {}: {}", arguments.join(" "), errors.trim_end());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The list in an object at a path such as `/status/conditions`; empty where there is none.
pub(crate) fn list<'a>(object: &'a Value, path: &str) -> &'a [Value] {
    object.pointer(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
