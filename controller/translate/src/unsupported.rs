//! What is told of objects that ask for what the mesh does not do.

use karez_resources::Key;
use karez_resources::pod::Pod;
use karez_resources::service::Service;
use karez_resources::unsupported::Unsupported;

use crate::output::Output;
use crate::relations::Lookup;
use crate::report::Effect;
use crate::view::View;

pub(crate) fn report(key: &Key, unsupported: &[Unsupported], output: &mut Output) {
    for Unsupported { field, message } in unsupported {
        output.report(key, *field, message, Effect::AllButField);
    }
}

/// A Pod that labels want in the mesh, and that cannot be there.
pub(crate) fn report_without_account(view: View<'_>, key: &Key, pod: &Pod, output: &mut Output) {
    if pod.service_account.is_none() && view.is_wanted(pod) {
        let message = "is absent, as it is for static Pods, so the Pod has no identity and is not in the mesh: label it \
                       karez.dev/mesh: disabled, or let a DaemonSet make it";
        output.report(key, "spec.serviceAccountName", message, Effect::AllButField);
    }
}

/// A Service whose endpoints somebody has listed, as it seems, in an object that is not read.
pub(crate) fn report_without_endpoints(view: View<'_>, key: &Key, service: &Service, output: &mut Output) {
    let is_promising = !service.addresses.is_empty() && !service.ports.is_empty();
    let lacks_endpoints =
        service.selector.is_empty() && view.found_by(&Lookup::SliceOf(key.clone())).is_empty();
    if is_promising && lacks_endpoints {
        let message = "is absent and no EndpointSlice is labelled with this Service, so nobody stands behind it; objects of \
                       kind Endpoints are not read: write an EndpointSlice";
        output.report(key, "spec.selector", message, Effect::AllButField);
    }
}
