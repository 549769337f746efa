//! Two Pods of one node.

use super::*;

fn settings(same_node: WireSameNode) -> Change {
    MeshSettings { same_node: same_node.into(), ..Default::default() }.into()
}

fn namespace(name: &str, same_node: WireSameNode) -> Change {
    NamespaceSettings { name: name.to_owned(), same_node: same_node.into(), ..Default::default() }.into()
}

fn in_namespace(namespace: &str, workload: wire::Workload) -> wire::Workload {
    wire::Workload { namespace: namespace.to_owned(), ..workload }
}

#[test]
fn only_where_both_namespaces_want_it() {
    use WireSameNode::{Direct, Inherit, Tunnel};
    let table = [
        (Inherit, Inherit, Inherit, false),
        (Direct, Inherit, Inherit, true),
        (Direct, Tunnel, Inherit, false),
        (Direct, Inherit, Tunnel, false),
        (Tunnel, Direct, Inherit, false),
        (Tunnel, Direct, Direct, true),
    ];
    for (of_mesh, of_shop, of_bank, joined) in table {
        let mesh = mesh([
            settings(of_mesh),
            namespace("shop", of_shop),
            namespace("bank", of_bank),
            in_namespace("bank", workload("db", "10.0.0.1")).into(),
        ]);
        let plan = plan(&mesh, DB);
        assert_eq!(matches!(plan, Outbound::SameNode(_)), joined, "{of_mesh:?} {of_shop:?} {of_bank:?}");
    }
}

#[test]
fn only_for_workloads_of_the_mesh_on_this_node() {
    let direct = || settings(WireSameNode::Direct);
    let on = |node: &str| wire::Workload { node: node.to_owned(), ..workload("db", "10.0.0.1") };
    let plan = |db: wire::Workload| plan(&mesh([direct(), db.into()]), DB);
    assert!(matches!(plan(on("node-1")), Outbound::SameNode(_)));
    assert!(matches!(plan(on("node-2")), Outbound::Tunnel(_)));
    assert!(matches!(plan(plaintext(on("node-1"))), Outbound::Plaintext(_)));
    let nowhere = LocalPod { node: "".into(), ..source() };
    let unknown = outbound(&mesh([direct(), on("").into()]), &nowhere, at(DB), &Attempts::NONE, 0);
    assert!(matches!(unknown, Outbound::Tunnel(_)), "two that are nowhere are not together");
}

#[test]
fn the_tunnel_comes_with_it() {
    let mesh = mesh([settings(WireSameNode::Direct), workload("db", "10.0.0.1").into()]);
    let Outbound::SameNode(tunnel) = plan(&mesh, DB) else { panic!("not joined") };
    assert_eq!((tunnel.next_hop, tunnel.authority), (at("10.0.0.1:15008"), at(DB)));
}
