use prost_types::Any;

use super::*;
use crate::authority::Authority;
use crate::discovery::served::ServedTypes;

fn resource(type_url: &str, value: Vec<u8>) -> Resource {
    let resource = Some(Any { type_url: type_url.to_owned(), value });
    Resource { name: "shop/name".to_owned(), version: "1".to_owned(), resource, aliases: Vec::new() }
}

#[test]
fn every_type_becomes_its_own_change() {
    for kind in Kind::served(ServedTypes::All).filter(|kind| *kind != Kind::TrustBundle) {
        let Ok(Update::Mesh(change)) = decode(kind, resource(kind.type_url(), Vec::new())) else {
            panic!("{kind:?}")
        };
        let matches = match kind {
            Kind::Address => matches!(*change, Change::Address(_)),
            Kind::Authorization => {
                matches!(*change, Change::Authorization { name, .. } if name == "shop/name")
            }
            Kind::Mesh => matches!(*change, Change::Settings(_)),
            Kind::Namespace => matches!(*change, Change::Namespace(_)),
            Kind::TrustBundle => false,
        };
        assert!(matches, "{kind:?}");
    }
}

#[test]
fn a_trust_bundle_is_read_whole() {
    let wire = |roots: &[String]| {
        let bundle =
            karez_api::settings::TrustBundle { trust_domain: "mesh".to_owned(), roots: roots.to_vec() };
        resource(Kind::TrustBundle.type_url(), bundle.encode_to_vec())
    };
    let root = Authority::root("root").pem();
    let Ok(Update::Bundle(bundle)) = decode(Kind::TrustBundle, wire(std::slice::from_ref(&root))) else {
        panic!()
    };
    assert_eq!((bundle.trust_domain(), bundle.len()), ("mesh", 1));
    for bad in [vec![], vec![root, "no PEM".to_owned()]] {
        let error = decode(Kind::TrustBundle, wire(&bad)).err().unwrap();
        assert!(matches!(error, Undecodable::Bundle(_)), "{error}");
    }
}

#[test]
fn what_is_not_its_type_is_undecodable() {
    let other = resource(Kind::Mesh.type_url(), Vec::new());
    assert!(matches!(decode(Kind::Address, other), Err(Undecodable::Type(_))));
    let empty = Resource { resource: None, ..resource("", Vec::new()) };
    assert!(matches!(decode(Kind::Address, empty), Err(Undecodable::Empty)));
    for kind in Kind::served(ServedTypes::All) {
        let broken = resource(kind.type_url(), vec![0xff; 9]);
        assert!(matches!(decode(kind, broken), Err(Undecodable::Message(_))), "{kind:?}");
    }
}

#[test]
fn removed_trust_bundles_stay_in_force() {
    assert!(removal(Kind::TrustBundle, "mesh".to_owned()).is_none());
    for kind in Kind::served(ServedTypes::All).filter(|kind| *kind != Kind::TrustBundle) {
        assert!(removal(kind, "shop/name".to_owned()).is_some(), "{kind:?}");
    }
}
