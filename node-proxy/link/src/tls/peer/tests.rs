use super::*;
use crate::authority::{Authority, Leaf, identity, noon};

const CART: &str = "spiffe://mesh/ns/shop/sa/cart";

#[test]
fn one_spiffe_uri_names_the_peer() {
    let long = format!("spiffe://{}/ns/shop/sa/cart", "m".repeat(300));
    let cases: [(&[&str], &[&str], Option<&str>); 10] = [
        (&[CART], &[], Some(CART)),
        (&[CART], &["cart.shop.svc", "localhost"], Some(CART)),
        (&[], &[], None),
        (&[], &["cart.shop.svc"], None),
        (&[CART, CART], &[], None),
        (&[CART, "https://example.org"], &[], None),
        (&["https://mesh/ns/shop/sa/cart"], &[], None),
        (&["spiffe://mesh/ns/shop/sa/cart/more"], &[], None),
        (&["spiffe://mesh/ns//sa/cart"], &[], None),
        (&[&long], &[], None),
    ];
    let root = Authority::root("root");
    for (uris, dns, wanted) in cases {
        let mut leaf = Leaf::of(&identity("mesh/ns/any/sa/any"));
        leaf.uris = uris.iter().map(ToString::to_string).collect();
        leaf.dns = dns.iter().map(ToString::to_string).collect();
        let chain = &root.issue(&leaf).key.cert;
        let found = peer_identity(&chain[0]);
        assert_eq!(found.map(|identity| identity.to_string()).as_deref(), wanted, "{uris:?} {dns:?}");
        assert_eq!(peer(chain).is_some(), wanted.is_some());
    }
}

#[test]
fn a_peer_is_the_leaf_and_its_expiry() {
    let leaf = Leaf::of(&identity("mesh/ns/shop/sa/cart"));
    let chain = &Authority::root("root").intermediate("below").issue(&leaf).key.cert;
    let peer = peer(chain).unwrap();
    assert_eq!(peer.identity, identity("mesh/ns/shop/sa/cart"));
    assert_eq!(peer.not_after, leaf.not_after);
    assert!(peer.not_after > noon());
}

#[test]
fn bytes_that_are_no_certificate_name_nobody() {
    let good = Authority::root("root").issue(&Leaf::of(&identity("mesh/ns/shop/sa/cart")));
    let der = good.key.cert[0].to_vec();
    let trailing = [der.as_slice(), b"\0"].concat();
    let cut = &der[..der.len() - 1];
    for bytes in [&b""[..], b"\x30\x80", cut, &trailing] {
        assert_eq!(peer_identity(&CertificateDer::from(bytes)), None);
    }
    assert_eq!(peer(&[]), None);
}
