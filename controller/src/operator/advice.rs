//! What to do about a Pod that is in the mesh where it should not be, or is not where it should. Pure.

/// Who takes Pods into the mesh and out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enrolment {
    /// Whoever runs `karez pod` on the node.
    ByHand,
    /// The node's agent, as the controller says: on a cluster.
    ByAgent,
}

impl Enrolment {
    /// Of a Pod that is enrolled nowhere, and should be on this node.
    pub(super) fn missing(self, pod: &str, node: &str) -> String {
        match self {
            Self::ByHand => format!("not enrolled: run karez pod add {pod} --netns PATH on node {node}"),
            Self::ByAgent => format!("not captured yet; {}", if_it_lasts(node)),
        }
    }

    /// Of a Pod that one node carries and that belongs to another, or to none.
    pub(super) fn misplaced(self, pod: &str, belongs_to: Option<&str>, carrier: &str) -> String {
        match (self, belongs_to) {
            (Self::ByHand, belongs_to) => {
                let placed = belongs_to.map_or_else(
                    || "bind it to no node".to_owned(),
                    |node| format!("have it on node {node}"),
                );
                format!(
                    "enrolled on node {carrier}, and the manifests {placed}: its certificate is not renewed; correct its \
                     spec.nodeName, or run karez pod remove {pod} on node {carrier}"
                )
            }
            (Self::ByAgent, belongs_to) => {
                let bound = belongs_to
                    .map_or_else(|| "bound to no node".to_owned(), |node| format!("bound to node {node}"));
                format!(
                    "{bound}, and node {carrier} still carries one of its name, whose certificate is not renewed; {}",
                    if_it_lasts(carrier)
                )
            }
        }
    }

    /// Of a Pod that a node carries although its labels keep it out.
    pub(super) fn unlabelled(self, pod: &str, node: &str) -> String {
        match self {
            Self::ByHand => format!(
                "enrolled on its node, and kept out of the mesh by its labels, so it gets no certificate: label it or its \
                 namespace karez.dev/mesh=enabled, or run karez pod remove {pod}"
            ),
            Self::ByAgent => format!(
                "kept out of the mesh by its labels and not released yet, so it gets no certificate; {}",
                if_it_lasts(node)
            ),
        }
    }

    /// Of a Pod that a node carries and that is nowhere else.
    pub(super) fn unknown(self, node: &str) -> String {
        match self {
            Self::ByHand => "enrolled on its node, and no manifest has it: it gets no certificate".to_owned(),
            Self::ByAgent => format!(
                "captured on its node, and the cluster has no such Pod: it gets no certificate; {}",
                if_it_lasts(node)
            ),
        }
    }
}

fn if_it_lasts(node: &str) -> String {
    format!("if this lasts, the log of karez-agent on node {node} says why")
}
