//! What the processes of a node may do.

use std::collections::HashMap;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::shop::Shop;

use crate::PORT;

/// `CAP_NET_ADMIN`, `CAP_SYS_PTRACE` and `CAP_SYS_ADMIN` (linux/capability.h).
const AGENT: u64 = 1 << 12 | 1 << 19 | 1 << 21;

#[test]
fn the_agent_has_three_capabilities_and_the_node_proxy_none() -> Result<()> {
    let shop = Shop::open("privilege", &[(PORT, PORT)])?;
    let carrier = shop.mesh.carrier("n1")?;
    let agent = carrier.agent.context("no agent")?;
    for (process, may) in [(agent, AGENT), (carrier.proxy, 0)] {
        let status = status(process)?;
        for set in ["CapEff", "CapPrm", "CapBnd"] {
            let has = u64::from_str_radix(status.get(set).context(set)?, 16)?;
            ensure!(has == may, "{set} of {process} is {has:x}, not {may:x}");
        }
        for set in ["CapInh", "CapAmb"] {
            ensure!(u64::from_str_radix(status.get(set).context(set)?, 16)? == 0, "{set} of {process}");
        }
        ensure!(status.get("NoNewPrivs").is_some_and(|value| value == "1"), "{process} can gain privileges");
    }
    Ok(())
}

/// What `/proc` says of all that a process' threads have in common: the first of them.
fn status(process: u32) -> Result<HashMap<String, String>> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    Ok(lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
}
