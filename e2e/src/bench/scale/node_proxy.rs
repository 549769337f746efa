//! The real node proxy, with one Pod of its own, in a mesh that holds the simulated one besides.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use karez_lab::mesh::Carrier;
use karez_lab::{Mesh, Settings, wait};

use super::case::row;
use super::{changes, manifests};
use crate::bench::report::Row;
use crate::bench::usage;

const NODE: &str = "n1";
/// For a first configuration, and for changes: far more than either takes.
const LIMIT: Duration = Duration::from_secs(300);
/// How long it is watched while nothing changes.
const IDLE: Duration = Duration::from_secs(5);
/// Until what it was sent has been taken in, and memory that it no longer needs has gone back.
const REST: Duration = Duration::from_secs(10);
/// What the controller counts of what it sends.
const SENT: &str = "karez_controller_resources_sent_total{type=\"Address\"}";

/// Measures a node proxy that holds so many Pods while so many of them change.
///
/// # Errors
/// When the mesh does not come up, or a change does not arrive.
pub fn measure(scratch: &Path, pods: u32, changes: u32) -> Result<Vec<Row>> {
    let mut mesh = Mesh::prepare(scratch, &[NODE], Settings::default())?;
    let changing = changes::spread(pods, changes);
    manifests::fill(&mesh.manifests, pods, &changing)?;
    mesh.manifests.namespace("shop", &[])?;
    mesh.start_controller()?;
    mesh.start_agent(NODE)?;
    mesh.start_node(NODE)?;
    // The lab itself waits no longer than a small mesh takes.
    wait::until("a node proxy with the whole mesh", LIMIT, || mesh.wait_ready(NODE))?;
    mesh.enrolled_pod(NODE, "shop/web", "web")?;
    let Carrier { proxy, .. } = mesh.carrier(NODE)?;
    std::thread::sleep(REST);

    let before = usage::cpu_time(proxy)?;
    let idle_began = Instant::now();
    std::thread::sleep(IDLE);
    let idle = (usage::cpu_time(proxy)? - before).div_f64(idle_began.elapsed().as_secs_f64());

    let told = sent(&mesh)?;
    let (began, before) = (Instant::now(), usage::cpu_time(proxy)?);
    changes::pace(&changing, |pod| manifests::change(&mesh.manifests, pod, 1))?;
    wait_sent(&mesh, told + changing.len() as u64)?;
    std::thread::sleep(REST);
    let spent = usage::cpu_time(proxy)?.saturating_sub(before).as_secs_f64();
    let spent = spent - idle.as_secs_f64() * began.elapsed().as_secs_f64();
    let name = format!("{pods}-pods/node-proxy");
    Ok(vec![
        row(&name, "cpu_ms", spent * 1000.0 / changing.len() as f64),
        row(&name, "idle_cpu_ms_s", idle.as_secs_f64() * 1000.0),
        row(&name, "rss_kib", usage::memory_kib(proxy)? as f64),
    ])
}

/// Waits until the controller has sent so many workloads and services in all, of which the node proxy is the only receiver.
fn wait_sent(mesh: &Mesh, count: u64) -> Result<()> {
    wait::until("the node proxy to be sent every change", LIMIT, || {
        let sent = sent(mesh)?;
        ensure!(sent >= count, "{sent} of {count} workloads and services were sent");
        Ok(())
    })
}

fn sent(mesh: &Mesh) -> Result<u64> {
    let url = "http://127.0.0.1:15014/metrics";
    let text = mesh.control().namespace().run("curl", &["-sS", "-f", "-m", "5", url])?;
    let value = text.lines().find_map(|line| line.strip_prefix(SENT)).unwrap_or("0");
    Ok(value.trim().parse()?)
}
