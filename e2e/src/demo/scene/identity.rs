//! Ordinary requests, and what the receiving node proxy noted of them.

use anyhow::{Result, ensure};

use super::{Stage, remark, show as show_text};
use crate::access_log::{self, Line};
use crate::demo::render::table;
use crate::demo::talk::{COLUMNS, row};
use crate::demo::world::{NODES, SECRET};

/// Who asks whom, and the node of the one that is asked.
const TALKS: [(&str, &str, &str); 4] = [
    ("guest", "web", NODES[0]),
    ("web", "catalog", NODES[1]),
    ("web", "cart", NODES[1]),
    ("guest", "catalog", NODES[1]),
];

pub(super) fn show(stage: &Stage<'_>) -> Result<()> {
    let world = stage.world;
    remark("A customer looks at the front page, which asks the catalog; web puts something into the cart:");
    let prices = stage.run(&world.guest, "curl -s http://web/prices")?;
    ensure!(prices.contains(SECRET), "curl printed {prices:?}");
    let stored = stage.run(&world.web, "redis-cli -h cart set saffron 2")?;
    ensure!(stored.trim() == "OK", "redis-cli printed {stored:?}");
    remark("The catalog's nginx tells each client the address that it sees: still the client's own.");
    for pod in [&world.guest, &world.web] {
        let seen = stage.run(pod, "curl -s http://catalog/whoami")?;
        ensure!(seen.trim() == pod.v4.to_string(), "nginx saw {seen:?}, not {}", pod.v4);
    }
    remark(
        "The access log has every connection, with what both certificates proved (spiffe://cluster.local/...):",
    );
    let mut rows = vec![COLUMNS.map(str::to_owned).to_vec()];
    for (client, server, node) in TALKS {
        rows.push(row(&logged(stage, client, server, node)?));
    }
    show_text(&table(&rows));
    Ok(())
}

/// The latest such connection, with the identities that it must have.
fn logged(stage: &Stage<'_>, client: &str, server: &str, node: &str) -> Result<Line> {
    let line = access_log::wait_for(&stage.world.mesh, node, &format!("{client} to {server}"), |line| {
        line.text("direction") == "inbound"
            && line.text("src.workload") == client
            && line.text("dst.workload") == server
    })?;
    ensure!(!line.is_failure(), "it failed: {line}");
    for (field, account) in [("src.identity", client), ("dst.identity", server)] {
        let expected = format!("spiffe://cluster.local/ns/shop/sa/{account}");
        ensure!(line.text(field) == expected, "{field} is not {expected}: {line}");
    }
    Ok(line)
}
