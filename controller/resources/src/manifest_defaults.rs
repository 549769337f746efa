//! What a manifest may leave out, because users write no status, and no API server fills it in: a Pod runs, is ready, and has the
//! service account `default`.
//!
//! The API's own defaults are otherwise: there an absent phase is Pending, and an absent condition is not met. An absent service
//! account is none.

use k8s_openapi::api::core::v1::{Pod, PodCondition, PodSpec, PodStatus};
use karez_api::names::annotation;

use crate::pod::{READY, written_service_account};

/// The Pod that a manifest means.
pub(crate) fn pod(mut pod: Pod) -> Pod {
    if !is_mirror(&pod) {
        fill_service_account(pod.spec.get_or_insert_with(PodSpec::default));
    }
    fill_status(pod.status.get_or_insert_with(PodStatus::default));
    pod
}

/// Whether it stands for a static Pod, which cannot have a service account.
fn is_mirror(pod: &Pod) -> bool {
    pod.metadata.annotations.iter().flatten().any(|(key, _)| key == annotation::MIRROR)
}

fn fill_service_account(spec: &mut PodSpec) {
    if written_service_account(spec).is_none() {
        spec.service_account_name = Some("default".to_owned());
    }
}

fn fill_status(status: &mut PodStatus) {
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
}
