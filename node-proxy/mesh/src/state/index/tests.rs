use super::*;

/// An object with these keys.
type Object = Vec<u8>;

fn object(keys: &[u8]) -> Arc<Object> {
    Arc::new(keys.to_vec())
}

fn keys(object: &Object) -> Vec<u8> {
    object.clone()
}

fn assert_lists(index: &Index<u8, Object>, key: u8, expected: &[&Arc<Object>]) {
    let list = index.all(&key);
    assert!(
        list.len() == expected.len()
            && list.iter().zip(expected).all(|(held, wanted)| Arc::ptr_eq(held, wanted))
    );
}

#[test]
fn the_latest_to_come_by_a_key_is_first() {
    let (old, young) = (object(&[1, 2]), object(&[2]));
    let mut index = Index::default();
    index.replace(None, Some(&old), keys);
    index.replace(None, Some(&young), keys);
    assert_lists(&index, 1, &[&old]);
    assert_lists(&index, 2, &[&young, &old]);
    assert_lists(&index, 3, &[]);
}

#[test]
fn a_new_version_keeps_the_place_of_the_old() {
    let (first, second) = (object(&[1, 2]), object(&[2]));
    let mut index = Index::default();
    index.replace(None, Some(&first), keys);
    index.replace(None, Some(&second), keys);
    let next = object(&[2, 3]);
    index.replace(Some(&first), Some(&next), keys);
    assert_lists(&index, 1, &[]);
    assert_lists(&index, 2, &[&second, &next]);
    assert_lists(&index, 3, &[&next]);
}

#[test]
fn an_object_is_itself_and_not_its_like() {
    let (one, other) = (object(&[1]), object(&[1]));
    let mut index = Index::default();
    index.replace(None, Some(&one), keys);
    index.replace(None, Some(&other), keys);
    index.replace(Some(&one), None, keys);
    assert_lists(&index, 1, &[&other]);
}

#[test]
fn what_is_taken_out_leaves_nothing() {
    let only = object(&[1]);
    let mut index = Index::default();
    index.replace(None, Some(&only), keys);
    assert!(!index.is_empty());
    index.replace(Some(&only), None, keys);
    assert!(index.is_empty());
}
