use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::ca::{Phase, Root, Timestamp};

fn state() -> State {
    let root = Root::generate(Timestamp::from_seconds(1000), Duration::from_secs(10_000)).unwrap();
    State {
        roots: Roots::new(root, Duration::from_secs(100)),
        nodes: BTreeMap::from([("node-1".to_owned(), Timestamp::from_seconds(1100))]),
        votes: Default::default(),
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_is_saved_is_loaded_and_keys_are_private() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("new/state");
    let store = FolderStore::open(folder.clone()).unwrap();
    assert!(store.load().unwrap().is_none());
    let state = state();
    store.save(&state).unwrap();
    let loaded = store.load().unwrap().unwrap();
    assert_eq!(loaded.nodes, state.nodes);
    assert_eq!(
        loaded.roots.signing().certificate().fingerprint(),
        state.roots.signing().certificate().fingerprint()
    );
    assert_eq!(mode(&folder.join(STATE_FILE)), 0o600);
    assert_eq!(mode(&folder.join(BUNDLE_FILE)), 0o644);
    let bundle = std::fs::read_to_string(folder.join(BUNDLE_FILE)).unwrap();
    assert_eq!(bundle, state.roots.signing().certificate().pem());
    assert!(!bundle.contains("PRIVATE"));
}

#[test]
fn the_bundle_has_every_root() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path().to_owned()).unwrap();
    let mut state = state();
    let new = Root::generate(Timestamp::from_seconds(1000), Duration::from_secs(10_000)).unwrap();
    state.roots.announce(new, Timestamp::from_seconds(1000)).unwrap();
    store.save(&state).unwrap();
    let bundle = std::fs::read_to_string(folder.path().join(BUNDLE_FILE)).unwrap();
    for (phase, root) in state.roots.all() {
        assert!(matches!(phase, Phase::Signing | Phase::Announced));
        assert!(bundle.contains(root.pem()), "{phase:?}");
    }
}

#[test]
fn two_controllers_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = FolderStore::open(folder.path().to_owned()).unwrap();
    assert!(matches!(FolderStore::open(folder.path().to_owned()), Err(StateError::InUse { .. })));
    drop(first);
    assert!(FolderStore::open(folder.path().to_owned()).is_ok());
}

#[test]
fn a_state_that_cannot_be_used_is_an_error_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path().to_owned()).unwrap();
    let path = folder.path().join(STATE_FILE);
    store.save(&state()).unwrap();
    let good = std::fs::read_to_string(&path).unwrap();

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(store.load(), Err(StateError::TooOpen { .. })));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();

    let truncated = &good[..good.len() / 2];
    let other_key = good.replace("MIG", "MIH");
    for broken in ["", "{}", truncated, &other_key] {
        std::fs::write(&path, broken).unwrap();
        assert!(matches!(store.load(), Err(StateError::Damaged { .. })), "{broken:.40}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), broken);
    }
    std::fs::write(&path, &good).unwrap();
    assert!(store.load().unwrap().is_some());
}
