//! The certificate authority's Secret, when somebody deletes it.

use anyhow::{Context as _, Result, ensure};
use karez_lab::wait;
use serde_json::{Value, json};

use crate::kubectl::{apply, get, kubectl};
use crate::namespace::PATIENCE;

const SYSTEM: &str = "--namespace=karez-system";
const CONTROLLERS: &str = "deployment/karez-controller";

/// The Secret as it was; put back when dropped, with the controllers that were there.
struct Kept {
    secret: Value,
    replicas: String,
}

impl Kept {
    fn now() -> Result<Self> {
        let mut secret = get(&[SYSTEM, "secret/karez-ca"])?;
        *secret.pointer_mut("/metadata").context("no metadata")? = json!({"name": "karez-ca"});
        let deployment = get(&[SYSTEM, CONTROLLERS])?;
        let replicas = deployment.pointer("/spec/replicas").context("no replicas")?.to_string();
        Ok(Self { secret, replicas })
    }

    fn restore(&self) -> Result<()> {
        apply(&self.secret, &[SYSTEM])?;
        scale(&self.replicas)?;
        kubectl(&[SYSTEM, "rollout", "status", CONTROLLERS, "--timeout=120s"]).map(drop)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.restore();
    }
}

#[test]
fn a_secret_that_is_deleted_is_written_again_and_never_made_anew() -> Result<()> {
    let (kept, root) = (Kept::now()?, signing()?);
    kubectl(&[SYSTEM, "delete", "secret", "karez-ca"])?;
    wait::until("a controller to write the Secret again", PATIENCE, || {
        ensure!(signing()? == root, "it is another root");
        Ok(())
    })?;

    scale("0")?;
    wait::until("all controllers to be gone", PATIENCE, || {
        let pods = kubectl(&[
            SYSTEM,
            "get",
            "pods",
            "--selector=app.kubernetes.io/name=karez-controller",
            "-o",
            "name",
        ])?;
        ensure!(pods.is_empty(), "{pods}");
        Ok(())
    })?;
    kubectl(&[SYSTEM, "delete", "secret", "karez-ca"])?;
    scale("1")?;
    wait::until("a controller to refuse its start", PATIENCE, || {
        let log = kubectl(&[SYSTEM, "logs", CONTROLLERS])?;
        ensure!(log.contains("Secret karez-ca has lost the root of this mesh"), "{log}");
        Ok(())
    })?;
    ensure!(get(&[SYSTEM, "secret/karez-ca"]).is_err(), "there is a new root");
    kept.restore()
}

fn scale(replicas: &str) -> Result<()> {
    kubectl(&[SYSTEM, "scale", CONTROLLERS, &format!("--replicas={replicas}")]).map(drop)
}

/// The root that signs, as the state in the Secret has it.
pub(crate) fn signing() -> Result<Value> {
    let state = r#"--output=go-template={{index .data "ca.json" | base64decode}}"#;
    let state: Value = serde_json::from_str(&kubectl(&[SYSTEM, "get", "secret", "karez-ca", state])?)?;
    state.pointer("/roots/signing").cloned().context("no root signs")
}
