//! `Node`: where its Pods are.

use k8s_openapi::api::core::v1 as k8s;
use karez_api::names::label;

use crate::metadata::Metadata;
use crate::pod::READY;
use crate::problem::FieldError;
use crate::resource::Kind;

/// What the mesh reads of a Node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its region, if its labels say.
    pub region: Option<String>,
    /// Its zone, if its labels say.
    pub zone: Option<String>,
    /// Seconds since the epoch at which it stopped being ready; none while it is, and of one that never had a kubelet.
    pub not_ready_since: Option<i64>,
}

impl TryFrom<k8s::Node> for Node {
    type Error = FieldError;

    fn try_from(object: k8s::Node) -> Result<Self, FieldError> {
        let mut meta = Metadata::read(Kind::Node, object.metadata)?;
        let mut label = |key: &str| meta.labels.remove(key).filter(|value| !value.is_empty());
        Ok(Self {
            region: label(label::REGION),
            zone: label(label::ZONE),
            not_ready_since: not_ready_since(object.status.unwrap_or_default()),
            name: meta.name,
        })
    }
}

/// The status of the condition is `Unknown` where the kubelet is silent.
fn not_ready_since(status: k8s::NodeStatus) -> Option<i64> {
    let mut conditions = status.conditions.unwrap_or_default().into_iter();
    let ready = conditions.find(|condition| condition.type_ == READY)?;
    (ready.status != "True").then(|| ready.last_transition_time.map_or(0, |time| time.0.as_second()))
}
