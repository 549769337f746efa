use super::*;

#[test]
fn first_values() {
    let table = [
        ("a=1&b=2", "b", Some("2")),
        ("a=1&a=2", "a", Some("1")),
        ("a=1&A=2", "A", Some("2")),
        ("a", "a", Some("")),
        ("a=", "a", Some("")),
        ("a=b=c", "a", Some("b=c")),
        ("%61=1", "a", Some("1")),
        ("a=x%20y+z%2B", "a", Some("x y z+")),
        ("a%20b=1", "a b", Some("1")),
        ("a=100%&b=%zz%4", "b", Some("%zz%4")),
        ("a=1;b=2", "b", None),
        ("aa=1", "a", None),
        ("", "a", None),
        ("&&a=1", "a", Some("1")),
    ];
    for (query, name, expected) in table {
        assert_eq!(QueryParams::read(query).value(name), expected.map(str::as_bytes), "{name} of {query}");
    }
}
