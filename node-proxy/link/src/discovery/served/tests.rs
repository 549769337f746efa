use super::*;

#[test]
fn karezs_types_are_asked_for_only_where_the_headers_promise_them() {
    let headers = |pairs: &[(&'static str, &'static str)]| {
        let mut headers = MetadataMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    };
    let cases = [
        (headers(&[]), ServedTypes::Istio),
        (headers(&[("content-type", "application/grpc")]), ServedTypes::Istio),
        (headers(&[(SETTINGS_VERSION, "v1")]), ServedTypes::All),
        (headers(&[(SETTINGS_VERSION, "v2")]), ServedTypes::All),
    ];
    for (headers, expected) in cases {
        assert_eq!(ServedTypes::of(&headers), expected, "{headers:?}");
    }
}
