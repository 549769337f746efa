use std::time::Duration;

use super::*;
use crate::authority::{Authority, Leaf, identity, noon};

fn numbered(number: usize) -> Identity {
    identity(&format!("mesh/ns/shop/sa/n{number}"))
}

#[test]
fn clients_are_built_once_for_each_list() {
    let credential = Authority::root("root").credential(&Leaf::of(&numbered(0)));
    let one = credential.client(&[numbered(1)]);
    assert!(Arc::ptr_eq(&one, &credential.client(&[numbered(1)])));
    assert!(!Arc::ptr_eq(&one, &credential.client(&[numbered(2)])));
    assert!(!Arc::ptr_eq(&one, &credential.client(&[numbered(1), numbered(2)])));
    assert!(!Arc::ptr_eq(&one, &credential.client(&[])));
}

#[test]
fn the_cache_is_bounded() {
    let credential = Authority::root("root").credential(&Leaf::of(&numbered(0)));
    for number in 0..3 * CACHED_CLIENTS {
        let _ = credential.client(&[numbered(number)]);
        assert!(credential.clients.lock().unwrap().len() <= CACHED_CLIENTS);
    }
}

#[test]
fn says_what_it_was_issued_as() {
    let leaf = Leaf::of(&numbered(7));
    let root = Authority::root("root");
    let credential = root.intermediate("below").credential(&leaf);
    assert_eq!(credential.identity(), &numbered(7));
    assert_eq!((credential.not_before(), credential.not_after()), (leaf.not_before, leaf.not_after));
    assert_eq!(credential.chain().len(), 2);
    let chain = root.issue(&leaf);
    assert!(!credential.still_trusts(&chain.key.cert, noon()), "its bundle is the intermediate alone");
    let credential = root.credential(&leaf);
    assert!(credential.still_trusts(&chain.key.cert, noon()));
    assert!(!credential.still_trusts(&chain.key.cert, noon() + Duration::from_secs(3600)));
}
