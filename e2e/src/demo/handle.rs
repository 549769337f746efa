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
    /// The folder of Karez's programs.
    programs: PathBuf,
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
        let karez = PathBuf::from(mesh.program("karez")?);
        Ok(Self {
            places: places.iter().cloned().collect(),
            control: mesh.control().namespace().path().to_owned(),
            programs: karez.parent().context("it lies nowhere")?.to_owned(),
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

    /// Becomes a command in a Pod or on a node. The operator's command is found by its name there.
    ///
    /// # Errors
    /// When there is no such place or the program cannot be run; else it does not return.
    pub fn exec(&self, place: &str, words: &[String]) -> Result<()> {
        let (program, arguments) = words.split_first().context("which command?")?;
        let inherited = std::env::var("PATH").unwrap_or_default();
        let path = format!("{inherited}:{}", self.programs.display());
        let environment = BTreeMap::from([("PATH".to_owned(), path)]);
        become_in(self.place(place)?, Path::new(program), arguments, &environment)
    }

    /// Becomes the operator's command.
    ///
    /// # Errors
    /// When it cannot be run; else it does not return.
    pub fn karez(&self, words: &[String]) -> Result<()> {
        become_in(&self.control, &self.programs.join("karez"), words, &self.environment)
    }

    /// The place of this name. A Pod's namespace may be left out where one Pod alone has the name.
    fn place(&self, wanted: &str) -> Result<&Path> {
        if let Some(path) = self.places.get(wanted) {
            return Ok(path);
        }
        let is_meant = |name: &str| name.split_once('/').is_some_and(|(_, short)| short == wanted);
        let meant: Vec<_> = self.places.iter().filter(|(name, _)| is_meant(name)).collect();
        match meant.as_slice() {
            [(_, path)] => Ok(path),
            _ => {
                let known: Vec<_> = self.places.keys().map(String::as_str).collect();
                bail!("no one Pod or node is {wanted}; there are: {}", known.join(", "))
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_by_their_whole_name_and_by_a_short_one_that_is_no_other_ones() {
        let names = ["shop/web", "shop/cart", "outside/cart", "n1"];
        let handle = Handle {
            places: names.map(|name| (name.to_owned(), PathBuf::from("/run").join(name))).into(),
            control: PathBuf::new(),
            programs: PathBuf::new(),
            environment: BTreeMap::new(),
        };
        let found = |wanted: &str| handle.place(wanted).ok();
        assert_eq!(found("shop/web"), Some(Path::new("/run/shop/web")));
        assert_eq!(found("web"), found("shop/web"));
        assert_eq!(found("n1"), Some(Path::new("/run/n1")));
        assert_eq!([found("cart"), found("shop"), found("shop/"), found("")], [None; 4]);
        assert!(
            handle.place("cart").unwrap_err().to_string().contains("n1, outside/cart, shop/cart, shop/web")
        );
    }
}
