//! A Deployment replaced under load: no request fails.

use anyhow::Result;

use crate::load::{Connections, Load};
use crate::mesh;
use crate::namespace::{Namespace, PATIENCE};
use crate::workloads;

/// How often every Pod of the Deployment is replaced.
const ROLLOUTS: usize = 3;

#[test]
fn no_request_fails_while_a_deployment_is_replaced() -> Result<()> {
    let namespace = Namespace::create("rollout")?;
    namespace.apply(&[
        workloads::deployment("web", 4),
        workloads::service("web"),
        workloads::client("kept", "n1"),
        workloads::client("closed", "n2"),
    ])?;
    namespace.wait_ready()?;
    mesh::enrol(&namespace, &["kept", "closed"])?;
    namespace.curl("kept", "http://web")?;

    let kept = Load::start(&namespace, "kept", "http://web", Connections::Kept)?;
    let closed = Load::start(&namespace, "closed", "http://web", Connections::New)?;
    for _ in 0..ROLLOUTS {
        namespace.kubectl(&["rollout", "restart", "deployment/web"])?;
        let timeout = format!("--timeout={}s", PATIENCE.as_secs());
        namespace.kubectl(&["rollout", "status", "deployment/web", &timeout])?;
    }
    kept.stop()?;
    closed.stop()
}
