use karez_api::settings::MeshSettings;
use karez_api::workload as wire;

use super::*;
use crate::fixture::{ip, mesh, pod, workload};

#[test]
fn a_pod_has_its_uid_in_istios_form() {
    assert_eq!(workload_uid("Kubernetes", "shop", "web-0"), "Kubernetes//Pod/shop/web-0");
}

#[test]
fn addresses_are_compared_as_addresses() {
    let pod = pod("web", "10.0.0.1");
    assert!(pod.has(ip("10.0.0.1")));
    assert!(pod.has(ip("::ffff:10.0.0.1")));
    assert!(!pod.has(ip("10.0.0.2")));
}

#[test]
fn the_workload_of_an_earlier_pod_of_that_name_is_not_this_one() {
    let mesh = mesh([workload("web", "10.0.0.1").into()]);
    assert!(pod("web", "10.0.0.1").workload(&mesh).is_some());
    assert!(pod("web", "10.0.0.2").workload(&mesh).is_none());
    assert!(pod("cart", "10.0.0.1").workload(&mesh).is_none());
}

/// Istio's control plane sends no settings: a workload names its trust domain, or has `cluster.local`.
#[test]
fn the_trust_domain_is_the_meshs_or_else_the_workloads() {
    let of_workload =
        |name: &str| wire::Workload { trust_domain: name.to_owned(), ..workload("web", "10.0.0.1") }.into();
    let of_mesh =
        |name: &str| MeshSettings { trust_domain: name.to_owned(), ..MeshSettings::default() }.into();
    let cases = [
        (vec![], None),
        (vec![workload("cart", "10.0.0.2").into()], None),
        (vec![of_workload("")], Some("cluster.local")),
        (vec![of_workload("mesh.example")], Some("mesh.example")),
        (vec![of_mesh("mesh.example")], Some("mesh.example")),
        (vec![of_mesh("")], Some("cluster.local")),
        (vec![of_mesh("mesh.example"), of_workload("")], Some("mesh.example")),
        (vec![of_workload("other.example"), of_mesh("mesh.example")], Some("mesh.example")),
    ];
    for (changes, expected) in cases {
        let mesh = mesh(changes.clone());
        assert_eq!(pod("web", "10.0.0.1").trust_domain(&mesh), expected, "{changes:?}");
    }
    let earlier = mesh([of_workload("mesh.example")]);
    assert_eq!(pod("web", "10.0.0.9").trust_domain(&earlier), None, "another Pod had that name");
}
