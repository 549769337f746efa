use std::collections::BTreeMap;

use karez_resources::Kind;
use proptest::prelude::*;

use super::*;

fn key(name: u8) -> Key {
    Key::new(Kind::Pod, "shop", &format!("p{name}"))
}

#[test]
fn a_list_that_breaks_off_loses_nothing() {
    let mut listing = Listing::default();
    listing.begin();
    (1..=3).for_each(|name| listing.seen(&key(name)));
    assert!(listing.end().is_empty());
    listing.begin();
    listing.seen(&key(1));
    // The connection broke, and the list begins again.
    listing.begin();
    listing.seen(&key(1));
    listing.seen(&key(3));
    assert_eq!(listing.end(), BTreeSet::from([key(2)]));
}

proptest! {
    /// Whoever applies what a listing says has what the last whole list and the events after it say.
    #[test]
    fn what_is_told_is_what_is_there(rounds in proptest::collection::vec(
        (proptest::collection::btree_set(0_u8..8, 0..8), proptest::collection::vec((0_u8..8, any::<bool>()), 0..8)),
        1..6,
    )) {
        let mut listing = Listing::default();
        let mut told: BTreeMap<Key, ()> = BTreeMap::new();
        for (listed, events) in rounds {
            listing.begin();
            let mut there: BTreeSet<Key> = listed.iter().map(|name| key(*name)).collect();
            for key in &there {
                listing.seen(key);
                told.insert(key.clone(), ());
            }
            for lost in listing.end() {
                told.remove(&lost);
            }
            for (name, set) in events {
                let key = key(name);
                if set {
                    listing.seen(&key);
                    told.insert(key.clone(), ());
                    there.insert(key);
                } else {
                    listing.gone(&key);
                    told.remove(&key);
                    there.remove(&key);
                }
            }
            prop_assert!(told.keys().eq(there.iter()));
        }
    }
}
