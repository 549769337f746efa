use karez_api::workload as wire;
use proptest::prelude::*;

use super::*;
use crate::fixture::arbitrary::{any_pod, changes};
use crate::fixture::{applied, hostname, mesh, pod, ports, service, serving, serving_on, workload};

const HOST: &str = "reviews.shop.svc.cluster.local";

/// `reviews` serves the Pod's port 8080 by its own ports, `admin` the port 9000 by the endpoint's.
fn served() -> Mesh {
    let reviews = serving("reviews", serving_on("admin", &[(80, 9000)], workload("reviews-0", "10.0.0.1")));
    mesh([
        service("reviews", &["10.1.0.1"]).into(),
        service("admin", &["10.1.0.2"]).into(),
        service("cart", &["10.1.0.3"]).into(),
        reviews.into(),
    ])
}

fn claimed(mesh: &Mesh, host: &str, port: u16) -> Option<String> {
    let service = claimed_service(mesh, &pod("reviews-0", "10.0.0.1"), host, port)?;
    Some(service.name.to_string())
}

#[test]
fn only_what_the_pod_serves_on_that_port() {
    let mesh = served();
    let reviews = Some(format!("shop/{HOST}"));
    let table = [
        (HOST, 8080, reviews.clone()),
        ("Reviews.shop.svc.cluster.LOCAL.", 8080, reviews.clone()),
        ("reviews.shop.svc.cluster.local:80", 8080, reviews),
        (&hostname("admin"), 9000, Some(format!("shop/{}", hostname("admin")))),
        // Another port of the Pod, or the endpoint's target differs from the service's.
        (HOST, 9000, None),
        (&hostname("admin"), 8080, None),
        // Another Pod's service, an unknown one, and texts that are no names.
        (&hostname("cart"), 8080, None),
        ("reviews", 8080, None),
        ("10.1.0.1", 8080, None),
        (":80", 8080, None),
        ("", 8080, None),
    ];
    for (host, port, expected) in table {
        assert_eq!(claimed(&mesh, host, port), expected, "{host} {port}");
    }
}

#[test]
fn of_two_services_of_one_name_none_is_guessed() {
    let imported = wire::Service { namespace: "other".to_owned(), ..service("reviews", &[]) };
    let mut both = serving("reviews", workload("reviews-0", "10.0.0.1"));
    both.services.insert(format!("other/{HOST}"), wire::PortList::default());
    let mut mesh = mesh([service("reviews", &[]).into(), both.into()]);
    assert!(claimed(&mesh, HOST, 8080).is_some(), "the other is not known");
    mesh.apply(imported.clone().into()).unwrap();
    assert_eq!(claimed(&mesh, HOST, 8080), None);
    mesh.apply(wire::Service { ports: ports(&[(80, 7000)]), ..imported }.into()).unwrap();
    assert!(claimed(&mesh, HOST, 8080).is_some(), "the other does not serve that port");
}

proptest! {
    #[test]
    fn whatever_a_client_says_it_names_a_service_of_the_pod(changes in changes(), pod in any_pod(), host in any_host(), port in any_port()) {
        let mesh = applied(changes);
        if let Some(service) = claimed_service(&mesh, &pod, &host, port) {
            prop_assert!(mesh.is_endpoint(&service.name, &pod.uid));
        }
    }
}

fn any_host() -> impl Strategy<Value = String> {
    prop_oneof![".{0,40}", Just(hostname("a")), Just(hostname("b")), Just(HOST.to_owned())]
}

fn any_port() -> impl Strategy<Value = u16> {
    prop_oneof![Just(80), Just(8080), any::<u16>()]
}
