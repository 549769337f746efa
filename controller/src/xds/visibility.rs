//! What of the catalog a caller may see. Pure.

use crate::catalog::ResourceType;

/// What of the catalog a caller may see. What it may not see it is told does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visibility {
    /// The mesh, as node proxies need it: all but what is for agents.
    Mesh,
    /// What an agent needs: the Pods of its node, the namespaces, and nothing else.
    LocalPods {
        /// The agent's node.
        node: String,
    },
}

/// Which resources of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Visible {
    All,
    /// Those whose name begins so.
    Beginning(String),
    Nothing,
}

impl Visibility {
    pub(super) fn of(&self, resource_type: ResourceType) -> Visible {
        match (self, resource_type) {
            // A node's name holds no slash, so this is no beginning of another one's.
            (Self::LocalPods { node }, ResourceType::LocalPod) => Visible::Beginning(format!("{node}/")),
            (Self::LocalPods { .. } | Self::Mesh, ResourceType::Namespace) => Visible::All,
            (Self::LocalPods { .. }, _) | (Self::Mesh, ResourceType::LocalPod) => Visible::Nothing,
            (Self::Mesh, _) => Visible::All,
        }
    }
}

impl Visible {
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Beginning(prefix) => name.starts_with(prefix.as_str()),
            Self::Nothing => false,
        }
    }
}
