//! What each unit becomes.

use karez_resources::{FieldError, Key, Kind};

use crate::dependents::Unit;
use crate::index::is_mesh;
use crate::object::Object;
use crate::output::{Finding, Output};
use crate::pods::PodPlacement;
use crate::report::Effect;
use crate::view::View;
use crate::{endpoints, local, mesh, namespaces, outside, policies, services, unsupported, workloads};

/// A pure function of the objects in force and the unit's own name.
pub(crate) fn compute(view: View<'_>, unit: &Unit) -> Output {
    let mut output = Output::default();
    match unit {
        Unit::Object(key) => of_object(view, key, &mut output),
        Unit::Address(address) => services::translate_address(view, *address, &mut output),
        Unit::Endpoint(address) => workloads::translate_endpoint(view, *address, &mut output),
    }
    output
}

/// Where a Pod is; none of one that is gone or has ended.
pub(crate) fn placement(view: View<'_>, key: &Key) -> Option<PodPlacement> {
    Some(workloads::placement(view, view.pod(key)?))
}

fn of_object(view: View<'_>, key: &Key, output: &mut Output) {
    match key.kind {
        // Neither depends on an object.
        Kind::Mesh if is_mesh(key) => mesh::translate(view, output),
        Kind::Namespace => namespaces::translate(view, &key.name, output),
        Kind::Mesh
        | Kind::ServiceAccount
        | Kind::Pod
        | Kind::Service
        | Kind::EndpointSlice
        | Kind::AuthorizationPolicy
        | Kind::Node
        | Kind::ServiceCidr => {}
    }
    let Some(object) = view.object(key) else { return };
    if let Some(pod) = object.pod() {
        workloads::translate(view, key, pod, output);
        local::translate(view, key, pod, output);
        unsupported::report(key, &pod.unsupported, output);
        unsupported::report_without_account(view, key, pod, output);
    }
    if let Some(service) = object.any_service() {
        unsupported::report(key, &service.unsupported, output);
    }
    if let Some(service) = object.service() {
        services::translate(view, service, output);
        outside::report(view, service, output);
        unsupported::report_without_endpoints(view, key, service, output);
    }
    if let Some(slice) = object.slice() {
        endpoints::report(view, key, slice, output);
        unsupported::report(key, &slice.unsupported, output);
    }
    if let Some(policy) = object.policy(key) {
        policies::translate(view, key, policy, output);
    }
    for FieldError { field, message } in object.unknown_words() {
        output.report(key, field, message, Effect::Stricter);
    }
    report_broken(key, object, output);
}

/// What is wrong with the object itself.
fn report_broken(key: &Key, object: &Object, output: &mut Output) {
    let Some(broken) = &object.broken else { return };
    let effect = match object.has_good_version() {
        true => Effect::LastGoodVersion,
        // A Mesh of another name never was the one that closes something.
        false if key.kind.refuses_unread() && (key.kind != Kind::Mesh || is_mesh(key)) => Effect::Refused,
        false => Effect::Nothing,
    };
    output.findings.push(Finding { key: key.clone(), problem: broken.problem.clone(), effect });
}
