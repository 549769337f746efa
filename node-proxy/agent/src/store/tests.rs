use super::*;
use crate::record::tests::record;

fn names(store: &Store) -> Vec<String> {
    let (records, _) = store.load().unwrap();
    let mut names: Vec<String> = records.iter().map(|record| record.pod.to_string()).collect();
    names.sort();
    names
}

#[test]
fn records_are_kept_replaced_and_forgotten() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path()).unwrap();
    store.save(&record("web", 1)).unwrap();
    store.save(&record("web", 2)).unwrap();
    store.save(&record("api", 3)).unwrap();

    let store = Store::open(state.path()).unwrap();
    assert_eq!(names(&store), ["shop/api", "shop/web"]);
    let (records, _) = store.load().unwrap();
    assert!(records.contains(&record("web", 2)));

    store.forget(&record("web", 1).pod).unwrap();
    store.forget(&record("web", 1).pod).unwrap();
    assert_eq!(names(&store), ["shop/api"]);
}

#[test]
fn a_bad_file_costs_one_pod() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path()).unwrap();
    store.save(&record("web", 1)).unwrap();
    fs::write(state.path().join("pods/shop/bad"), "{").unwrap();
    fs::write(state.path().join("pods/shop/.half"), "{").unwrap();
    fs::write(state.path().join("pods/stray"), "").unwrap();
    fs::create_dir(state.path().join("pods/shop/folder")).unwrap();
    let (records, unreadable) = store.load().unwrap();
    assert_eq!(records, [record("web", 1)]);
    let unreadable: Vec<_> = unreadable.iter().map(Unreadable::to_string).collect();
    assert_eq!(unreadable.len(), 3, "{unreadable:?}");
    for name in ["shop/bad is no record", "pods/stray: ", "shop/folder: "] {
        assert!(unreadable.iter().any(|line| line.contains(name)), "{name}: {unreadable:?}");
    }
}

#[test]
fn nobody_else_may_look() {
    use std::os::unix::fs::PermissionsExt as _;
    let state = tempfile::tempdir().unwrap();
    Store::open(state.path()).unwrap();
    let mode = fs::metadata(state.path().join("pods")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
}

#[test]
fn a_record_that_cannot_be_written_leaves_the_old_one() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path()).unwrap();
    store.save(&record("web", 1)).unwrap();
    fs::create_dir(state.path().join("pods/shop/.web")).unwrap();
    let error = store.save(&record("web", 2)).unwrap_err().to_string();
    assert!(error.contains("shop/.web"), "{error}");
    let (records, _) = store.load().unwrap();
    assert_eq!(records, [record("web", 1)]);
}
