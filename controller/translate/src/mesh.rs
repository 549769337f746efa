//! `Mesh` → `MeshSettings`.

use karez_api::names::type_url;
use karez_api::settings;
use karez_resources::mesh::{MESH_NAME, MtlsMode, SameNode};

use crate::output::Output;
use crate::view::View;

pub(crate) fn translate(view: View<'_>, output: &mut Output) {
    let spec = view.mesh;
    let message = settings::MeshSettings {
        trust_domain: spec.trust_domain().to_owned(),
        cluster_domain: spec.cluster_domain().to_owned(),
        same_node: same_node(spec.same_node).into(),
        address_ranges: spec.address_ranges.iter().map(ToString::to_string).collect(),
        strict: spec.mtls == MtlsMode::Strict,
    };
    output.add(type_url::MESH, MESH_NAME, &message);
}

pub(crate) fn same_node(choice: SameNode) -> settings::SameNode {
    match choice {
        SameNode::Tunnel => settings::SameNode::Tunnel,
        SameNode::Direct => settings::SameNode::Direct,
    }
}
