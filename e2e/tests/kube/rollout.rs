//! A Deployment replaced under load: no request fails.

use anyhow::Result;

use crate::load::{Connections, Load};
use crate::mesh;
use crate::namespace::Namespace;
use crate::workloads;

/// How many Pods the Deployment has, and how often all are replaced. `KAREZ_REPLICAS` and `KAREZ_ROLLOUTS` ask for more.
const REPLICAS: usize = 4;
const ROLLOUTS: usize = 3;

#[test]
fn no_request_fails_while_a_deployment_is_replaced() -> Result<()> {
    let namespace = Namespace::create("rollout")?;
    namespace.apply(&[
        workloads::deployment("web", asked_for("KAREZ_REPLICAS", REPLICAS)),
        workloads::service("web"),
        workloads::client("kept", "n1"),
        workloads::client("closed", "n2"),
    ])?;
    namespace.wait_ready()?;
    mesh::enrol(&namespace, &["kept", "closed"])?;
    namespace.curl("kept", "http://web")?;

    let kept = Load::start(&namespace, "kept", "http://web", Connections::Kept)?;
    let closed = Load::start(&namespace, "closed", "http://web", Connections::New)?;
    for _ in 0..asked_for("KAREZ_ROLLOUTS", ROLLOUTS) {
        namespace.kubectl(&["rollout", "restart", "deployment/web"])?;
        namespace.kubectl(&["rollout", "status", "deployment/web", "--timeout=180s"])?;
    }
    kept.stop()?;
    closed.stop()
}

fn asked_for(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
