//! * [`kinds`] – which kind an object is taken for

mod kinds;

use proptest::prelude::*;

use super::{LARGEST_DOCUMENT, Reading, Subject, read, split};
use crate::resource::{Key, Kind};

fn subjects(text: &str) -> Vec<Subject> {
    let broken = |reading: Reading| match reading {
        Reading::Broken(broken) => broken.subject,
        other => panic!("{text}: {other:?}"),
    };
    read(text.as_bytes()).into_iter().map(broken).collect()
}

fn presumed(kind: Kind, namespace: &str, name: &str) -> Vec<Subject> {
    vec![Subject::Presumed(Key::new(kind, namespace, name))]
}

fn guessed(namespace: &str, name: &str) -> Vec<Subject> {
    vec![Subject::Guessed(Key::new(Kind::AuthorizationPolicy, namespace, name))]
}

fn known(kind: Kind, namespace: &str, name: &str) -> Vec<Subject> {
    vec![Subject::Known(Key::new(kind, namespace, name))]
}

#[test]
fn directives_belong_to_the_document_that_follows() {
    let pod = |name: &str| format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\n");
    let names = |text: &str| {
        let name = |reading: Reading| match reading {
            Reading::Good(resource) => resource.key().name,
            other => panic!("{text}: {other:?}"),
        };
        read(text.as_bytes()).into_iter().map(name).collect::<Vec<_>>()
    };
    let (a, b) = (pod("a"), pod("b"));
    let table = [
        format!("%YAML 1.1\n---\n{a}---\n{b}"),
        format!("%YAML 1.2\n# why\n\n--- # a\n{a}...\n%YAML 1.1\n---\n{b}"),
        format!("%TAG ! tag:example.org,2026:\n---\n{a}...\n---\n{b}"),
        format!("# first\n---\n{a}...\n{b}...\n"),
    ];
    for text in table {
        assert_eq!(names(&text), ["a", "b"], "{text}");
    }
    // And one with nothing after it is no file with nothing in it.
    assert_eq!(subjects("%YAML 1.1\n"), [Subject::Unknown]);
}

#[test]
fn nothing_is_read_from_nothing() {
    for empty in [
        "",
        "\n",
        "---\n",
        "---\n---\n---",
        "---\n...\n",
        "# only a comment\n",
        "--- # here too\n  # and here\n",
        "\u{feff}",
    ] {
        assert_eq!(read(empty.as_bytes()), vec![], "{empty:?}");
    }
}

#[test]
fn documents_begin_at_their_markers() {
    let pieces = |text: &'static str| {
        let piece =
            |piece: split::Piece<'static>| (piece.first_line, std::str::from_utf8(piece.bytes).unwrap());
        split::documents(text.as_bytes()).map(piece).collect::<Vec<_>>()
    };
    assert_eq!(pieces("a: 1\n---\nb: 2\n"), [(1, "a: 1\n"), (2, "---\nb: 2\n")]);
    assert_eq!(pieces("--- {a: 1}\n---\r\nb: 2"), [(1, "--- {a: 1}\n"), (2, "---\r\nb: 2")]);
    assert_eq!(pieces("a: |\n  ---\n---- no\n---x no\n"), [(1, "a: |\n  ---\n---- no\n---x no\n")]);
}

#[test]
fn what_cannot_be_parsed_is_named_all_the_same() {
    let policy = Kind::AuthorizationPolicy;
    let cases = [
        (
            "kind: AuthorizationPolicy\nmetadata:\n  name: web\n  namespace: shop\nspec: [",
            presumed(policy, "shop", "web"),
        ),
        // The name is metadata's own, not a label's, nor a port's.
        (
            "kind: AuthorizationPolicy\nmetadata:\n  labels:\n    name: x\n  name: 'web' # here\nspec: [\n  name: y",
            presumed(policy, "default", "web"),
        ),
        (
            r#"{"kind": "AuthorizationPolicy", "metadata": {"name": "web", "namespace": "shop"}, "#,
            presumed(policy, "shop", "web"),
        ),
        // Nothing but the kind; not even that.
        (
            "apiVersion: karez.dev/v1alpha1\nkind: AuthorizationPolicy\nspec: {",
            presumed(policy, "default", "(unnamed)"),
        ),
        ("kind AuthorizationPolicy\nmetadata:\n  name: web\n", presumed(policy, "default", "web")),
        (
            "apiVersion: karez.dev/v1alpha1\nkind: AuthPolicy\nmetadata: {name: web}\nspec: [",
            guessed("default", "web"),
        ),
        (
            "kind: Service\nmetadata:\n  name: web\n  namespace: shop\nspec: [",
            presumed(Kind::Service, "shop", "web"),
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec: [",
            presumed(Kind::Service, "default", "web"),
        ),
        (
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\nspec: [",
            presumed(Kind::Namespace, "", "shop"),
        ),
        ("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec: [", vec![Subject::Unknown]),
        ("%", vec![Subject::Unknown]),
        ("kind: AuthorizationPolicy\nmetadata:\n  name: a/b\nspec: [", presumed(policy, "default", "(a_b)")),
    ];
    for (text, expected) in cases {
        assert_eq!(subjects(text), expected, "{text}");
    }
}

#[test]
fn every_item_of_a_list_that_cannot_be_parsed_is_named() {
    let list = "apiVersion: v1\nkind: List\nitems:\n\
        - apiVersion: karez.dev/v1alpha1\n  kind: AuthorizationPolicy\n  metadata:\n    name: a\n    namespace: shop\n\
        - apiVersion: karez.dev/v1alpha1\n  kind: AuthorizationPolicy\n  metadata:\n    name: b\n  spec: [\n";
    let both = [
        presumed(Kind::AuthorizationPolicy, "shop", "a"),
        presumed(Kind::AuthorizationPolicy, "default", "b"),
    ];
    assert_eq!(subjects(list), both.concat());
    let flow = r#"{"kind": "List", "apiVersion": "v1", "items": [{"kind": "AuthorizationPolicy", "#;
    assert_eq!(subjects(flow), presumed(Kind::AuthorizationPolicy, "default", "(unnamed)"));
}

#[test]
fn objects_between_which_a_marker_is_damaged_are_both_named() {
    let policy = |name: &str| {
        format!("apiVersion: karez.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}}}\n")
    };
    let both = [
        presumed(Kind::AuthorizationPolicy, "default", "a"),
        presumed(Kind::AuthorizationPolicy, "default", "b"),
    ];
    assert_eq!(subjects(&format!("{}--\n{}", policy("a"), policy("b"))), both.concat());
    assert_eq!(subjects(&format!("{}{}", policy("a"), policy("b"))), both.concat());
}

#[test]
fn an_object_that_holds_another_s_remains_is_not_sure_to_be_all_there_was() {
    let shop = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n--metadata: {name: web}\n";
    assert_eq!(subjects(shop), presumed(Kind::Namespace, "", "shop"));
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}\nimagePullSecrets: []\n";
    assert!(matches!(&read(account.as_bytes())[..], [Reading::Good(_)]));
}

#[test]
fn a_policy_with_wrong_metadata_still_has_a_key() {
    let policy = |metadata: &str| {
        subjects(&format!(
            "apiVersion: karez.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {metadata}\nspec: {{}}\n"
        ))
    };
    let kind = Kind::AuthorizationPolicy;
    assert_eq!(policy("{name: web, namespace: Shop}"), presumed(kind, "default", "(web)"));
    assert_eq!(policy("{name: web, namespace: [shop]}"), presumed(kind, "default", "web"));
    assert_eq!(policy("{name: Web, namespace: shop}"), presumed(kind, "shop", "(Web)"));
    assert_eq!(policy("{namespace: shop}"), presumed(kind, "shop", "(unnamed)"));
    assert_eq!(policy("{name: 1, namespace: shop}"), presumed(kind, "shop", "1"));
    assert_eq!(policy("{name: web, namespce: shop}"), presumed(kind, "default", "web"));
    assert_eq!(policy("null"), presumed(kind, "default", "(unnamed)"));
}

#[test]
fn too_much_is_refused_and_not_read() {
    let mut document = b"apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n# ".to_vec();
    assert!(matches!(&read(&document)[..], [Reading::Good(_)]));
    document.resize(LARGEST_DOCUMENT + 1, b'x');
    assert!(matches!(&read(&document)[..], [Reading::Broken(broken)] if broken.problem.name == "shop"));

    let deep = "[".repeat(100_000);
    assert_eq!(subjects(&deep), vec![Subject::Unknown]);
    let bomb: String = ('a'..'k')
        .map(|c| format!("{c}: &{c} [{}]\n", "*z,".replace('z', &c.to_string()).repeat(9)))
        .collect();
    assert_eq!(subjects(&bomb), vec![Subject::Unknown]);
}

proptest! {
    #[test]
    fn one_broken_document_hurts_only_itself(middle in "[^-]{0,60}") {
        let namespace = |name: &str| format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n");
        let file = format!("{}---\n{middle}\n---\n{}", namespace("first"), namespace("last"));
        let readings = read(file.as_bytes());
        let key = |reading: Option<&Reading>| match reading {
            Some(Reading::Good(resource)) => Some(resource.key()),
            _ => None,
        };
        prop_assert_eq!(key(readings.first()), Some(Key::new(Kind::Namespace, "", "first")));
        prop_assert_eq!(key(readings.last()), Some(Key::new(Kind::Namespace, "", "last")));
    }

    #[test]
    fn a_problem_names_a_line_of_the_file(cut in 0usize..400, junk in "[ \\[\\]{}:,&*a\"'\n-]{0,8}") {
        let file = include_str!("../../tests/manifests/policies.yaml");
        let cut = file.char_indices().nth(cut).map_or(file.len(), |(at, _)| at);
        let file = format!("{}{junk}", &file[..cut]);
        for reading in read(file.as_bytes()) {
            if let Reading::Broken(broken) = reading {
                let line = broken.problem.line.unwrap();
                prop_assert!((1..=file.lines().count() + 1).contains(&line), "line {line} of {file}");
            }
        }
    }
}

#[test]
fn an_object_that_stands_twice_is_told() {
    let pod = |name: &str, more: &str| {
        format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop}}\n{more}")
    };
    let doubled = Subject::Doubled(Key::new(Kind::Pod, "shop", "a"));
    for (file, field, line) in [
        ([pod("a", ""), pod("b", ""), pod("a", "")], "metadata.name", 11),
        ([pod("a", ""), pod("b", ""), pod("a", "spec: 1\n")], "spec", 12),
        ([pod("a", "spec: 1\n"), pod("b", ""), pod("a", "")], "metadata.name", 12),
        ([pod("a", ""), pod("a", ""), pod("a", "")], "metadata.name", 11),
    ] {
        let file = file.join("---\n");
        let readings = read(file.as_bytes());
        let Some(Reading::Broken(last)) = readings.last() else { panic!("{file}") };
        assert_eq!((&last.subject, last.problem.field.as_str()), (&doubled, field), "{file}");
        assert_eq!(last.problem.line, Some(line), "{file}");
    }
}
