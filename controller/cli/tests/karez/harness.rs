//! Runs the command, and a controller for it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use clap::Parser;
use karez_controller::{Controller, Settings};
use serde_json::Value;
use tempfile::TempDir;

/// What became of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub(crate) async fn karez(arguments: &[&str]) -> Run {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_karez"));
    let output = command.args(arguments).env_clear().kill_on_drop(true).output().await.unwrap();
    Run {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) const SHOP: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {karez.dev/mesh: enabled}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {nodeName: node-1}
status: {podIP: 10.0.0.1}
";

pub(crate) struct Scene {
    folder: TempDir,
    controller: Controller,
}

impl Scene {
    pub(crate) async fn new(manifest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("manifests")).unwrap();
        std::fs::write(path("manifests").join("shop.yaml"), manifest).unwrap();
        std::fs::write(path("tokens"), "operators-token operator\nnodes-token node node-1\n").unwrap();
        std::fs::set_permissions(path("tokens"), Permissions::from_mode(0o600)).unwrap();
        std::fs::write(path("operator"), "operators-token\n").unwrap();
        std::fs::write(path("node"), "nodes-token\n").unwrap();
        let settings = Settings::parse_from([
            "karez-controller".to_owned(),
            format!("--manifests={}", path("manifests").display()),
            format!("--state-dir={}", path("state").display()),
            format!("--tokens={}", path("tokens").display()),
            "--listen=127.0.0.1:0".to_owned(),
            "--metrics-listen=127.0.0.1:0".to_owned(),
            "--leaf-lifetime=1s".to_owned(),
        ]);
        let controller = Controller::start(settings, 1024).await.unwrap();
        controller.ready().await;
        Self { folder, controller }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the command with the flags by which it reaches the controller.
    pub(crate) async fn karez(&self, arguments: &[&str]) -> Run {
        self.karez_with("state/root.pem", "operator", arguments).await
    }

    /// The same with other files.
    pub(crate) async fn karez_with(&self, ca: &str, token: &str, arguments: &[&str]) -> Run {
        let flags = [
            format!("--controller=https://127.0.0.1:{}", self.controller.address().port()),
            format!("--controller-ca={}", self.path(ca).display()),
            format!("--token-file={}", self.path(token).display()),
        ];
        let flags: Vec<&str> = arguments.iter().copied().chain(flags.iter().map(String::as_str)).collect();
        karez(&flags).await
    }
}
