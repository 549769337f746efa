//! Ordinary requests, and what the receiving node proxy noted of them.

use anyhow::{Result, ensure};

use super::{Stage, say};
use crate::access_log::{self, Line};
use crate::demo::render::{bytes, table};
use crate::demo::world::{NODES, SECRET};

pub(super) fn show(stage: &Stage<'_>) -> Result<()> {
    let world = stage.world;
    let prices = stage.run(&world.web, "curl -s http://catalog/prices")?;
    ensure!(prices.contains(SECRET), "curl printed {prices:?}");
    ensure!(stage.run(&world.web, "redis-cli -h cart set saffron 2")?.contains("OK"));
    let seen = stage.run(&world.guest, "curl -s http://catalog/whoami")?;
    ensure!(seen.trim() == world.guest.v4.to_string(), "nginx saw {seen:?}, not the guest's own address");
    stage.remark("nginx sees the client's own address. The node proxy beside it noted, with what each certificate proved:");

    let mut rows =
        vec![["FROM", "PROVEN TO BE", "TO", "PROVEN TO BE", "IN", "OUT", "TOOK"].map(str::to_owned).to_vec()];
    for (client, server) in [("web", "catalog"), ("web", "cart"), ("guest", "catalog")] {
        let line = access_log::wait_for(&world.mesh, NODES[1], &format!("{client} to {server}"), |line| {
            line.text("src.workload") == client && line.text("dst.workload") == server && !line.is_failure()
        })?;
        for (field, account) in [("src.identity", client), ("dst.identity", server)] {
            let expected = format!("spiffe://cluster.local/ns/shop/sa/{account}");
            ensure!(line.text(field) == expected, "{field} is not {expected}: {line}");
        }
        rows.push(row(&line));
    }
    say(table(&rows).trim_end());
    Ok(())
}

fn row(line: &Line) -> Vec<String> {
    let name = |field: &str| line.text(field).to_owned();
    vec![
        name("src.workload"),
        name("src.identity"),
        name("dst.workload"),
        name("dst.identity"),
        bytes(line.number("bytes_recv")),
        bytes(line.number("bytes_sent")),
        name("duration"),
    ]
}
