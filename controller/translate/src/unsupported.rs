//! What is told of objects that ask for what the mesh does not do.

use std::collections::BTreeSet;

use karez_resources::service::Service;
use karez_resources::unsupported::Unsupported;
use karez_resources::{Key, Kind};

use crate::report::Effect;
use crate::translation::Output;
use crate::view::View;

pub(crate) fn report(view: &View<'_>, output: &mut Output<'_>) {
    let mut tell = |key: &Key, unsupported: &[Unsupported]| {
        for Unsupported { field, message } in unsupported {
            output.report(key, (*field).to_owned(), message, Effect::AllButField);
        }
    };
    for service in &view.services {
        tell(&Key::new(Kind::Service, &service.namespace, &service.name), &service.unsupported);
    }
    for pod in view.pods.values() {
        tell(&Key::new(Kind::Pod, &pod.namespace, &pod.name), &pod.unsupported);
    }
    for slice in &view.slices {
        tell(&Key::new(Kind::EndpointSlice, &slice.namespace, &slice.name), &slice.unsupported);
    }
    report_without_endpoints(view, output);
}

/// A Service whose endpoints somebody has listed, as it seems, in an object that is not read.
fn report_without_endpoints(view: &View<'_>, output: &mut Output<'_>) {
    let slices = view.slices.iter().filter_map(|slice| Some((&slice.namespace, slice.service.as_ref()?)));
    let sliced: BTreeSet<_> = slices.collect();
    let is_promising = |service: &&&Service| {
        !service.external_name && !service.addresses.is_empty() && !service.ports.is_empty()
    };
    let lacks_endpoints = |service: &&&Service| {
        service.selector.is_empty() && !sliced.contains(&(&service.namespace, &service.name))
    };
    for service in view.services.iter().filter(is_promising).filter(lacks_endpoints) {
        let key = Key::new(Kind::Service, &service.namespace, &service.name);
        let message = "is absent and no EndpointSlice is labelled with this Service, so nobody stands behind it; objects of \
                       kind Endpoints are not read: write an EndpointSlice";
        output.report(&key, "spec.selector".to_owned(), message, Effect::AllButField);
    }
}
