//! What Karez puts on a node, and whether all of it is gone.

use anyhow::{Result, ensure};
use karez_lab::wait;

use crate::machine;
use crate::namespace::PATIENCE;

/// The cluster's nodes.
pub(crate) const NODES: [&str; 2] = ["n1", "n2"];

/// In a network namespace: rules, routing rules and routes.
const OF_NETWORK: &str = "nft list tables | grep karez; \
    ip -4 rule list | grep fwmark; ip -6 rule list | grep fwmark; \
    ip -4 route list table 100; ip -6 route list table 100";
/// Files of the node. `/run/karez` itself belongs to the Pods' volume.
const FILES: &str = "find /run/karez -mindepth 1";
/// The CNI plugin, what it is told, and where it is chained.
const PLUGIN: &str = "ls -d /opt/cni/bin/karez* /etc/cni/net.d/karez*; grep -l karez /etc/cni/net.d/*";

/// What of Karez is on a node and in its Pods' networks, a line each.
pub(crate) fn on(node: &str) -> Result<String> {
    let of_pods = format!(r#"for path in /run/netns/*; do nsenter --net="$path" sh -c "{OF_NETWORK}"; done"#);
    machine::on_node(node, &format!("{{ {OF_NETWORK}; {of_pods}; {FILES}; {PLUGIN}; }} 2>/dev/null; true"))
}

/// What of the CNI plugin is on a node, a line each.
pub(crate) fn of_plugin(node: &str) -> Result<String> {
    machine::on_node(node, &format!("{{ {PLUGIN}; }} 2>/dev/null; true"))
}

/// Waits until nothing is left on any node: agents end a moment after they are gone from the API.
pub(crate) fn wait_gone() -> Result<()> {
    for node in NODES {
        wait::until(&format!("nothing of Karez to be left on {node}"), PATIENCE, || {
            let traces = on(node)?;
            ensure!(traces.is_empty(), "{traces}");
            Ok(())
        })?;
    }
    Ok(())
}
