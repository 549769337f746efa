//! What the runtime asks for, by variables (CNI specification, "Parameters").

use std::path::PathBuf;

use crate::failure::{Code, Failure};

/// A call of the plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation {
    /// A Pod is about to start.
    Add(NewPod),
    /// A container is about to start that is no Pod's, such as one of nerdctl or podman.
    AddForeign,
    /// The versions that are spoken.
    Version,
    /// Something that needs nothing: `DEL`, because what the agent made goes with the Pod's network namespace; `CHECK`,
    /// because the agent checks by itself; `GC` and `STATUS`.
    Nothing,
}

/// A Pod that is about to start, as the runtime tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid, where the runtime tells it.
    pub uid: Option<String>,
    /// Path of its network namespace.
    pub netns: PathBuf,
}

impl Invocation {
    /// Reads the variables.
    ///
    /// # Errors
    /// When one is missing, or the command is not known.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let required = |name: &str| {
            let missing = || Failure::new(Code::Environment, format!("the variable {name} is missing"));
            variable(name).filter(|value| !value.is_empty()).ok_or_else(missing)
        };
        match required("CNI_COMMAND")?.as_str() {
            "ADD" => {
                let arguments = variable("CNI_ARGS").unwrap_or_default();
                let argument = |name| value_of(&arguments, name);
                let Some(name) = argument("K8S_POD_NAME") else { return Ok(Self::AddForeign) };
                let missing = || Failure::new(Code::Environment, "CNI_ARGS has no K8S_POD_NAMESPACE");
                Ok(Self::Add(NewPod {
                    namespace: argument("K8S_POD_NAMESPACE").ok_or_else(missing)?,
                    name,
                    uid: argument("K8S_POD_UID"),
                    netns: required("CNI_NETNS")?.into(),
                }))
            }
            "VERSION" => Ok(Self::Version),
            "DEL" | "CHECK" | "GC" | "STATUS" => Ok(Self::Nothing),
            other => Err(Failure::new(Code::Environment, format!("CNI_COMMAND {other:?} is not known"))),
        }
    }
}

/// A value of `CNI_ARGS`: `KEY=VALUE` separated by semicolons.
fn value_of(arguments: &str, key: &str) -> Option<String> {
    let mut pairs = arguments.split(';').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, value)| *name == key && !value.is_empty()).map(|(_, value)| value.to_owned())
}

#[cfg(test)]
mod tests;
