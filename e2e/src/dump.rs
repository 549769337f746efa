//! The configuration that a node proxy works with: `karez dump`, on its own node.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use karez_lab::{Mesh, Pod, wait};
use serde_json::Value;

use crate::sockets::PATIENCE;

/// The whole dump.
///
/// # Errors
/// When the node proxy cannot be asked.
pub fn dump(mesh: &Mesh, node: &str) -> Result<Value> {
    let text = mesh.node(node)?.host().namespace().run(&mesh.program("karez")?, &["dump"])?;
    Ok(serde_json::from_str(&text)?)
}

/// Waits until a node proxy knows a Pod: before that, its address is as good as a stranger's.
///
/// # Errors
/// When it does not get to know it.
pub fn wait_for_pod(mesh: &Mesh, node: &str, pod: &Pod) -> Result<()> {
    wait::until(&format!("{node} to know {}", pod.reference()), PATIENCE, || {
        let known = field_of_each(&dump(mesh, node)?, "workloads", "identity");
        ensure!(known.contains(&pod.identity()), "it knows {known:?}");
        Ok(())
    })
}

/// Waits until a node proxy has exactly these policies, each `NAMESPACE/NAME`.
///
/// # Errors
/// When it has not, after a while.
pub fn wait_for_policies(mesh: &Mesh, node: &str, policies: &[&str]) -> Result<()> {
    let wanted: BTreeSet<String> = policies.iter().map(|name| (*name).to_owned()).collect();
    wait::until(&format!("{node} to have the policies {wanted:?}"), PATIENCE, || {
        let has = field_of_each(&dump(mesh, node)?, "policies", "name");
        ensure!(has == wanted, "it has {has:?}");
        Ok(())
    })
}

/// Waits until a node proxy's policies have exactly these scopes, such as `Namespace` and `Selected`.
///
/// # Errors
/// When they have not, after a while.
pub fn wait_for_scopes(mesh: &Mesh, node: &str, scopes: &[&str]) -> Result<()> {
    let wanted: BTreeSet<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    wait::until(&format!("{node} to have policies of the scopes {wanted:?}"), PATIENCE, || {
        let has = field_of_each(&dump(mesh, node)?, "policies", "scope");
        ensure!(has == wanted, "it has {has:?}");
        Ok(())
    })
}

fn field_of_each(dump: &Value, list: &str, field: &str) -> BTreeSet<String> {
    let each = dump.get(list).and_then(Value::as_array).into_iter().flatten();
    each.filter_map(|item| item.get(field)?.as_str().map(str::to_owned)).collect()
}
