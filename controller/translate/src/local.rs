//! `Pod` → `LocalPod`: what the agent of its node is told.

use karez_api::names::{object, type_url};
use karez_api::node::LocalPod;
use karez_resources::Key;
use karez_resources::pod::Pod;

use crate::output::Output;
use crate::relations::Lookup;
use crate::report::Effect;
use crate::services::octets;
use crate::view::View;

pub(crate) fn translate(view: View<'_>, key: &Key, pod: &Pod, output: &mut Output) {
    let Some(node) = &pod.node else { return };
    let uid = uid(pod);
    // An agent would take one of two for the other: it is told of neither.
    let of_uid = view.found_by(&Lookup::Local { node: node.clone(), uid: uid.clone() });
    if let Some(other) = of_uid.iter().find(|other| ***other != *key) {
        let message =
            format!("{other} of node {node} has it too, so neither is captured: remove one of the two");
        output.report(key, "metadata.uid", &message, Effect::AllButField);
        return;
    }
    let message = LocalPod {
        namespace: pod.namespace.clone(),
        name: pod.name.clone(),
        service_account: pod.service_account.clone().unwrap_or_default(),
        addresses: pod.addresses.iter().copied().map(octets).collect(),
        enrolled: view.is_enrolled(pod),
        node_proxy: is_node_proxy(view, pod),
        uid,
    };
    output.add(type_url::LOCAL_POD, format!("{node}/{}", message.uid), &message);
}

/// A manifest has no uid: there the Pod's name stands for it, and a Pod made anew under it is the same.
pub(crate) fn uid(pod: &Pod) -> String {
    pod.uid.clone().unwrap_or_else(|| format!("{}/{}", pod.namespace, pod.name))
}

fn is_node_proxy(view: View<'_>, pod: &Pod) -> bool {
    view.options.own_namespace.as_ref() == Some(&pod.namespace)
        && pod.service_account.as_deref() == Some(object::NODE_PROXY)
}
