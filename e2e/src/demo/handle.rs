//! How another terminal finds a running demo: a file inside its own mounts that says where the Pods are.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use karez_lab::Mesh;
use serde::{Deserialize, Serialize};

/// On the private `/run` of the demo.
const FILE: &str = "/run/karez-demo.json";

/// What is to be known of a running demo.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Handle {
    /// Path of each Pod's network namespace by `NAMESPACE/NAME`, and of each node's.
    places: BTreeMap<String, PathBuf>,
    /// Path of the network namespace of the controller's machine.
    control: PathBuf,
    /// The operator's command.
    karez: PathBuf,
    /// Its settings, as variables of the environment.
    environment: BTreeMap<String, String>,
}

impl Handle {
    /// Of this mesh, with these Pods and nodes.
    ///
    /// # Errors
    /// When the operator's command is not built.
    pub fn new(mesh: &Mesh, places: &[(String, PathBuf)]) -> Result<Self> {
        let file = |name: &str| mesh.folder().join(name).display().to_string();
        let environment = [
            ("KAREZ_CONTROLLER", mesh.controller_url()),
            ("KAREZ_CONTROLLER_CA", file("controller/root.pem")),
            ("KAREZ_TOKEN_FILE", file("operator.token")),
        ];
        Ok(Self {
            places: places.iter().cloned().collect(),
            control: mesh.control().namespace().path().to_owned(),
            karez: mesh.program("karez")?.into(),
            environment: environment.map(|(name, value)| (name.to_owned(), value)).into(),
        })
    }

    /// Leaves it where [`Handle::find`] looks.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn publish(&self) -> Result<()> {
        fs::write(FILE, serde_json::to_string_pretty(self)?).with_context(|| FILE.to_owned())
    }

    /// That of the demo whose namespaces this process is in.
    ///
    /// # Errors
    /// When there is none, or it is not that far yet.
    pub fn find() -> Result<Self> {
        let text =
            fs::read_to_string(FILE).context("the demo has not got that far yet: wait until it says so")?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Becomes a command in a Pod or on a node.
    ///
    /// # Errors
    /// When there is no such place or the program cannot be run; else it does not return.
    pub fn exec(&self, place: &str, words: &[String]) -> Result<()> {
        let Some(netns) = self.places.get(place) else {
            let known: Vec<_> = self.places.keys().map(String::as_str).collect();
            bail!("no Pod or node {place}; there are: {}", known.join(", "));
        };
        become_in(
            netns,
            Path::new(words.first().context("which command?")?),
            words.get(1..).unwrap_or_default(),
            &BTreeMap::new(),
        )
    }

    /// Becomes the operator's command.
    ///
    /// # Errors
    /// When it cannot be run; else it does not return.
    pub fn karez(&self, words: &[String]) -> Result<()> {
        become_in(&self.control, &self.karez, words, &self.environment)
    }
}

fn become_in(
    netns: &Path,
    program: &Path,
    words: &[String],
    environment: &BTreeMap<String, String>,
) -> Result<()> {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net={}", netns.display())).arg("--").arg(program).args(words).envs(environment);
    // It returns only when it fails.
    Err(command.exec()).with_context(|| program.display().to_string())
}
