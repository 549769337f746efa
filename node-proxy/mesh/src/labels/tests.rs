use karez_api::workload as wire;

use super::*;
use crate::fixture::{hostname, mesh, service, uid, workload};

#[test]
fn of_a_workload() {
    let known = wire::Workload {
        workload_name: "web".to_owned(),
        canonical_name: "shop-web".to_owned(),
        canonical_revision: "v2".to_owned(),
        cluster_id: "Kubernetes".to_owned(),
        locality: Some(wire::Locality { zone: "a".to_owned(), ..Default::default() }),
        ..workload("web-0", "10.0.0.1")
    };
    let mesh = mesh([known.into(), workload("bare", "10.0.0.2").into()]);
    let labels = mesh.workload(&uid("web-0")).unwrap().labels();
    assert_eq!((labels.workload, labels.pod), (Some("web"), Some("web-0")));
    assert_eq!((labels.canonical_name, labels.canonical_revision), (Some("shop-web"), Some("v2")));
    assert_eq!((labels.namespace, labels.cluster, labels.node), ("shop", Some("Kubernetes"), Some("node-1")));
    assert_eq!(labels.principal.to_string(), "spiffe://cluster.local/ns/shop/sa/web-0");
    assert_eq!(&*labels.locality.zone, "a");

    let labels = mesh.workload(&uid("bare")).unwrap().labels();
    assert_eq!(labels.workload, Some("bare"), "for want of an owner its own name");
    assert_eq!((labels.canonical_name, labels.canonical_revision, labels.cluster), (None, None, None));
}

#[test]
fn of_a_service() {
    let mesh = mesh([service("front", &[]).into()]);
    let labels = mesh.service("shop", &hostname("front")).unwrap().labels();
    let expected =
        ServiceLabels { hostname: "front.shop.svc.cluster.local", name: Some("front"), namespace: "shop" };
    assert_eq!(labels, expected);
}
