use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn rendered_as_istio_reads_them() {
    let forwarded = Forwarded {
        client: Some(address("10.1.2.3:45678")),
        host: Some("reviews.shop.svc.cluster.local".into()),
    };
    let baggage = Baggage {
        cluster: Some("Kubernetes".into()),
        namespace: Some("shop".into()),
        workload: Some((WorkloadKind::Deployment, "front".into())),
        service: Some("front end".into()),
        version: Some("v1,2".into()),
        region: None,
        zone: None,
    };
    let headers = render(&forwarded, &baggage, TraceParent::new(0xabc, 7));
    assert_eq!(headers[FORWARDED], "for=\"10.1.2.3:45678\";host=reviews.shop.svc.cluster.local");
    assert_eq!(
        headers[BAGGAGE],
        "k8s.cluster.name=Kubernetes,k8s.namespace.name=shop,k8s.deployment.name=front,\
         service.name=front%20end,service.version=v1%2C2"
    );
    assert_eq!(headers[TRACEPARENT], "00-00000000000000000000000000000abc-0000000000000007-00");
    let empty = render(&Forwarded::default(), &Baggage::default(), TraceParent::new(1, 1));
    assert_eq!(empty.len(), 1, "empty headers are left out");
}

#[test]
fn forwarded_is_read_leniently_but_not_guessed() {
    let parsed = |text| Forwarded::parse(text);
    let client = |text| Some(address(text));
    let table = [
        ("for=\"10.1.2.3:4\"", client("10.1.2.3:4"), None),
        ("FOR=\"[2001:db8::1]:80\"; Host=\"a b\"", client("[2001:db8::1]:80"), Some("a b")),
        ("for=10.1.2.3", client("10.1.2.3:0"), None),
        ("for=\"[::ffff:10.1.2.3]\"", client("10.1.2.3:0"), None),
        ("for=unknown;host=h", None, Some("h")),
        ("for=_hidden", None, None),
        ("for=10.0.0.1;by=\"x\\\"y\";proto=https;host=h:80", client("10.0.0.1:0"), Some("h:80")),
        ("for=10.0.0.1, for=10.0.0.2;host=other", client("10.0.0.1:0"), None),
        ("", None, None),
    ];
    for (text, client, host) in table {
        let expected = Forwarded { client, host: host.map(str::to_owned) };
        assert_eq!(parsed(text), Some(expected), "{text}");
    }
    for malformed in ["for", "=x", "for=\"open", "for=a b", "for=\"x\"y", "f or=x", "host=", "for=\"\\"] {
        assert_eq!(parsed(malformed), None, "{malformed}");
    }
}

#[test]
fn baggage_passes_over_what_it_does_not_know() {
    let baggage = Baggage::parse(
        " k8s.pod.name = p%2d1 ;meta=1, other=x,service.name=%zz,service.version=,,k8s.cluster.name=c",
    );
    assert_eq!(baggage.workload, Some((WorkloadKind::Pod, "p-1".into())));
    assert_eq!(baggage.cluster.as_deref(), Some("c"));
    assert_eq!((baggage.service, baggage.version.as_deref()), (None, Some("")));
    assert_eq!(Baggage::parse("service.name=a%0Ab").service, None, "no line breaks in a log");
}

#[test]
fn traceparent_as_the_standard_says() {
    let sampled = TraceParent::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
    assert!(sampled.is_sampled());
    assert_eq!(sampled.trace(), 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
    assert_eq!(sampled.child(5).span(), 5);
    assert_eq!(sampled.child(5).trace(), sampled.trace());
    let later = "42-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more";
    assert!(TraceParent::parse(later).is_some());
    for malformed in [
        "",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ] {
        assert_eq!(TraceParent::parse(malformed), None, "{malformed}");
    }
}

#[test]
fn authorities() {
    let name = |host: &str, port| Some(Target::Name { host: host.into(), port });
    let table = [
        ("10.0.0.1:80", Some(Target::Address(address("10.0.0.1:80")))),
        ("[fd00::1]:443", Some(Target::Address(address("[fd00::1]:443")))),
        ("[::ffff:10.0.0.1]:80", Some(Target::Address(address("10.0.0.1:80")))),
        ("Reviews.shop.svc.cluster.local.:8080", name("reviews.shop.svc.cluster.local", 8080)),
        ("a:1", name("a", 1)),
        ("10.0.0.1", None),
        ("10.0.0.1:0", None),
        ("10.0.0.1:+80", None),
        ("10.0.0.1:65536", None),
        ("10.0.0.300:80", None),
        ("fd00::1:80", None),
        ("[fd00::1]", None),
        ("[10.0.0.1]:80", None),
        ("user@10.0.0.1:80", None),
        ("a..b:80", None),
        (":80", None),
        ("", None),
    ];
    for (text, expected) in table {
        assert_eq!(Target::parse_text(text), expected, "{text}");
    }
}

#[test]
fn a_header_that_is_repeated_or_too_long_is_absent() {
    let mut headers = HeaderMap::new();
    headers.append(FORWARDED, HeaderValue::from_static("for=10.0.0.1"));
    assert!(Forwarded::from_headers(&headers).is_some());
    headers.append(FORWARDED, HeaderValue::from_static("for=10.0.0.2"));
    assert_eq!(Forwarded::from_headers(&headers), None);
    headers.insert(FORWARDED, HeaderValue::try_from(format!("host={}", "x".repeat(2_000))).unwrap());
    assert_eq!(Forwarded::from_headers(&headers), None);
}

proptest! {
    #[test]
    fn what_is_rendered_is_read_back(
        client: Option<SocketAddr>,
        host in proptest::option::of("[ -~]{1,40}"),
        name in proptest::option::of("[^\\p{Cc}]{0,40}"),
        trace: u128,
        span: u64,
    ) {
        let client = client.map(|client| SocketAddr::new(client.ip().to_canonical(), client.port()));
        let forwarded = Forwarded { client, host };
        let workload = name.clone().map(|name| (WorkloadKind::CronJob, name));
        let baggage = Baggage { workload, service: name, ..Baggage::default() };
        let trace = TraceParent::new(trace, span);
        let headers = render(&forwarded, &baggage, trace);
        prop_assert_eq!(Forwarded::from_headers(&headers).unwrap_or_default(), forwarded);
        prop_assert_eq!(Baggage::from_headers(&headers), baggage);
        prop_assert_eq!(TraceParent::from_headers(&headers), Some(trace));
    }
}
