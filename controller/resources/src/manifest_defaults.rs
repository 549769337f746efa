//! What a manifest may leave out, because users write no status: a Pod runs and is ready.
//!
//! The API's own defaults are otherwise: there an absent phase is Pending, and an absent condition is not met.

use k8s_openapi::api::core::v1::{Pod, PodCondition, PodStatus};

use crate::pod::READY;

/// The Pod that a manifest means.
pub(crate) fn pod(mut pod: Pod) -> Pod {
    let status = pod.status.get_or_insert_with(PodStatus::default);
    if status.phase.as_deref().unwrap_or_default().is_empty() {
        status.phase = Some("Running".to_owned());
    }
    let conditions = status.conditions.get_or_insert_with(Vec::new);
    if conditions.iter().all(|condition| condition.type_ != READY) {
        conditions.push(PodCondition {
            type_: READY.to_owned(),
            status: "True".to_owned(),
            ..PodCondition::default()
        });
    }
    pod
}
