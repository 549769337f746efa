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
