use super::*;
use crate::discovery::local_pods::LocalKind;
use crate::discovery::mesh::Kind;

/// A stream begins with the first types and goes on with those that are promised.
#[test]
fn what_is_served_is_what_is_asked_for() {
    fn asked<K: ResourceKind>(types: ServedTypes) -> Vec<K> {
        K::FIRST.iter().chain(K::promised(types)).copied().collect()
    }
    for types in [ServedTypes::Istio, ServedTypes::All] {
        assert_eq!(asked::<Kind>(types), Kind::served(types).collect::<Vec<_>>(), "{types:?}");
        assert_eq!(asked::<LocalKind>(types), [LocalKind::Pod, LocalKind::Namespace], "{types:?}");
    }
    assert_eq!(ServedTypes::default(), ServedTypes::All, "nothing is decided before the headers");
}

#[test]
fn a_type_is_found_by_its_url_among_those_of_its_caller() {
    for kind in Kind::served(ServedTypes::All) {
        assert_eq!(Kind::of(kind.type_url()), Some(kind));
        let is_an_agents_too = kind.type_url() == LocalKind::Namespace.type_url();
        assert_eq!(LocalKind::of(kind.type_url()), is_an_agents_too.then_some(LocalKind::Namespace));
    }
    assert_eq!(LocalKind::of(LocalKind::Pod.type_url()), Some(LocalKind::Pod));
}
