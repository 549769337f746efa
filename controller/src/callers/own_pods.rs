//! The mesh's own Pods: node proxies, agents and controllers.

use std::collections::BTreeMap;
use std::sync::Arc;

use karez_api::names::object;
use tokio::sync::watch;

use super::Caller;

/// Those that have not ended, as the controller's own watch has them, by uid.
pub type OwnPods = BTreeMap<String, OwnPod>;

/// Reads them.
pub type OwnPodsReader = watch::Receiver<Arc<OwnPods>>;

/// A Pod of the mesh's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPod {
    /// Its name.
    pub name: String,
    /// What runs in it.
    pub program: Program,
    /// Where; none before it is bound to a node.
    pub node: Option<String>,
}

/// A program of the mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `karez-node`.
    NodeProxy,
    /// `karez-agent`.
    Agent,
    /// `karez-controller`.
    Controller,
}

impl Program {
    /// The program whose Pods run as that service account of the controller's namespace.
    #[must_use]
    pub fn of_account(name: &str) -> Option<Self> {
        match name {
            object::NODE_PROXY => Some(Self::NodeProxy),
            object::AGENT => Some(Self::Agent),
            object::CONTROLLER => Some(Self::Controller),
            _ => None,
        }
    }
}

/// Whether the caller is one of them, on the node that it says. One that is no Pod need not be.
#[must_use]
pub(super) fn vouch_for(pods: &OwnPods, caller: &Caller) -> bool {
    let (node, uid, program) = match caller {
        Caller::NodeProxy { node, pod: Some(uid) } => (node, uid, Program::NodeProxy),
        Caller::Agent { node, pod: Some(uid) } => (node, uid, Program::Agent),
        Caller::NodeProxy { pod: None, .. } | Caller::Agent { pod: None, .. } | Caller::Operator { .. } => {
            return true;
        }
    };
    pods.get(uid).is_some_and(|pod| pod.program == program && pod.node.as_ref() == Some(node))
}
