//! Who calls.

use std::fmt;

/// Who a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Caller {
    /// The node proxy of a node.
    NodeProxy {
        /// The node.
        node: String,
        /// Its Pod's uid; none where the tokens file knows it.
        pod: Option<String>,
    },
    /// The agent of a node.
    Agent {
        /// The node.
        node: String,
        /// Its Pod's uid; none where the tokens file knows it.
        pod: Option<String>,
    },
    /// The operator's command.
    Operator {
        /// As the API server calls the user; none where the tokens file knows it.
        user: Option<String>,
    },
}

impl Caller {
    /// The node that the caller runs on, if it is the node's own program.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        match self {
            Self::NodeProxy { node, .. } | Self::Agent { node, .. } => Some(node),
            Self::Operator { .. } => None,
        }
    }

    /// The uid of the Pod that the caller is, if it is one.
    #[must_use]
    pub fn pod(&self) -> Option<&str> {
        match self {
            Self::NodeProxy { pod, .. } | Self::Agent { pod, .. } => pod.as_deref(),
            Self::Operator { .. } => None,
        }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NodeProxy { node, .. } => write!(f, "node {node}"),
            Self::Agent { node, .. } => write!(f, "the agent of node {node}"),
            Self::Operator { user: None } => f.write_str("the operator"),
            Self::Operator { user: Some(user) } => write!(f, "operator {user}"),
        }
    }
}
