//! Many Pods at once: all of them are captured before they run, and their first connections go through the mesh.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_lab::wait;
use serde_json::Value;

use crate::mesh;
use crate::namespace::Namespace;
use crate::workloads;

/// As many as two nodes of `maxPods` 250 hold beside the cluster's own.
const PODS: usize = 200;
/// Two cores start about three Pods a second.
const PATIENCE: Duration = Duration::from_secs(240);

#[test]
fn the_first_connection_of_each_of_200_pods_goes_through_the_mesh() -> Result<()> {
    let namespace = Namespace::create("burst")?;
    namespace.apply(&[workloads::server("web", "n1"), workloads::service("web")])?;
    namespace.wait_ready()?;
    let outside =
        [first_connections(&namespace, "outside-one", 1)?, first_connections(&namespace, "outside", PODS)?];

    mesh::enrol(&namespace, &["web"])?;
    namespace.kubectl(&["annotate", "namespace", namespace.name(), "karez.dev/mtls=strict"])?;
    let inside = [first_connections(&namespace, "one", 1)?, first_connections(&namespace, "many", PODS)?];
    for (what, [alone, burst]) in [("without the mesh", outside), ("through it", inside)] {
        println!("first connections {what}: alone {alone}; of {PODS} at once {burst}");
    }
    Ok(())
}

/// How long the first connections of new Pods took, each from its process's start to the answer's end.
struct Times {
    /// In seconds, the shortest first.
    sorted: Vec<f64>,
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of = |share: usize| self.sorted.get((self.sorted.len() * share).div_ceil(100).saturating_sub(1));
        let [p50, p99] = [50, 99].map(|share| of(share).map_or(f64::NAN, |seconds| seconds * 1000.0));
        write!(f, "p50 {p50:.0} ms, p99 {p99:.0} ms")
    }
}

/// Creates Pods that call `web`, removes them when each has been answered, and says how long that took.
fn first_connections(namespace: &Namespace, name: &str, pods: usize) -> Result<Times> {
    namespace.apply(&[workloads::callers(name, pods, "http://web")])?;
    let selector = format!("--selector=app={name}");
    let logs = ["logs", &selector, "--tail=-1", "--max-log-requests=250"];
    let answers = wait::until(&format!("{pods} Pods to have called"), PATIENCE, || {
        let ready = namespace.get(&format!("deployment/{name}"))?;
        let ready = ready.pointer("/status/readyReplicas").and_then(Value::as_u64).unwrap_or(0);
        ensure!(ready == pods as u64, "{ready} are ready");
        let answers = namespace.kubectl(&logs)?;
        ensure!(answers.lines().count() >= pods, "{} have", answers.lines().count());
        Ok(answers)
    })?;
    let mut sorted = answers.lines().map(answered).collect::<Result<Vec<_>>>()?;
    sorted.sort_by(f64::total_cmp);
    namespace.kubectl(&["delete", "deployment", name, "--cascade=foreground"])?;
    wait::until("the Pods to be gone", PATIENCE, || {
        let left = namespace.kubectl(&["get", "pods", &selector, "--output=name"])?;
        ensure!(left.is_empty(), "{} are left", left.lines().count());
        Ok(())
    })?;
    Ok(Times { sorted })
}

/// The seconds after which a Pod's call was answered.
fn answered(line: &str) -> Result<f64> {
    let seconds = line.strip_prefix("200 ").with_context(|| format!("a first connection failed: {line}"))?;
    seconds.parse().with_context(|| format!("{line:?} is no time"))
}
