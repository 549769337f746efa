//! A policy that comes while the shop is open.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_lab::wait;

use super::{Stage, remark, show as show_text};
use crate::access_log;
use crate::demo::talk::{audit, refusal};
use crate::demo::world::{NODES, POLICY_FILE, SECRET};

const NAME: &str = "shop/only-web";
const POLICY: &str = "\
kind: AuthorizationPolicy
apiVersion: karez.dev/v1alpha1
metadata: {name: only-web, namespace: shop}
spec:
  selector: {matchLabels: {app: catalog}}
  action: Allow
  mode: Audit
  rules:
    - from:
        - source: {serviceAccounts: [shop/web]}
";

const DIRECTLY: &str = "curl -sS -m 5 http://catalog/prices";
const BY_THE_FRONT_PAGE: &str = "curl -sS -m 5 http://web/prices";
/// How long an edit may take to be in force.
const IN_FORCE: Duration = Duration::from_secs(10);

pub(super) fn show(stage: &Stage<'_>) -> Result<()> {
    let guest = &stage.world.guest;
    let manifests = &stage.world.mesh.manifests;
    remark("The catalog is to be for the front page alone. A policy can be tried before it counts:");
    show_text(POLICY);
    manifests.write(POLICY_FILE, POLICY)?;
    wait_audited(stage)?;
    remark("The guest is served, and the log says what the policy would have done:");
    ensure!(stage.run(guest, DIRECTLY)?.contains(SECRET), "a policy in audit mode refused the guest");
    show_text(&wait_audited(stage)?);

    remark("Now with `mode: Enforce`:");
    manifests.write(POLICY_FILE, &POLICY.replace("Audit", "Enforce"))?;
    wait_refused(stage)?;
    let refused = stage.run(guest, DIRECTLY)?;
    ensure!(!refused.contains(SECRET) && refused.contains("curl: ("), "curl printed {refused:?}");
    ensure!(stage.run(guest, BY_THE_FRONT_PAGE)?.contains(SECRET), "the front page was refused as well");

    remark(
        "By the front page it is the front page that asks. Why the guest itself was refused, from the access log:",
    );
    let line = access_log::wait_for(&stage.world.mesh, NODES[1], "the refusal", |line| {
        line.text("src.workload") == "guest" && line.text("dst.workload") == "catalog" && line.is_failure()
    })?;
    show_text(&refusal(&line));
    ensure!(line.text("error").contains(NAME), "the reason does not name the policy: {line}");
    Ok(())
}

/// Asks as the guest until the policy has been heard; gives what it said.
fn wait_audited(stage: &Stage<'_>) -> Result<String> {
    let (mesh, guest) = (&stage.world.mesh, &stage.world.guest);
    wait::until("what the policy would have said", IN_FORCE, || {
        guest.namespace().run("curl", &["-sSf", "-m", "2", "http://catalog/prices"])?;
        let log = mesh.node_log(NODES[1]);
        let said = log.lines().rev().find_map(|line| audit(line, NAME, &guest.identity()));
        Ok(said.context("nothing yet")?.to_owned())
    })
}

/// Asks as the guest until it is refused.
fn wait_refused(stage: &Stage<'_>) -> Result<()> {
    wait::until("the policy to be in force", IN_FORCE, || {
        let arguments = ["-s", "-m", "2", "http://catalog/prices"];
        let answer = stage.world.guest.namespace().output("curl", &arguments)?;
        ensure!(!answer.status.success(), "the guest is served");
        Ok(())
    })
}
