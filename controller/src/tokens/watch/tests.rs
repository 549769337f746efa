use super::*;
use crate::tokens::{Caller, Presented};

#[test]
fn a_changed_file_is_read_again_and_a_broken_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens");
    std::fs::write(&path, "one operator").unwrap();
    let (mut watch, mut reader) = TokensWatch::open(path.clone()).unwrap();
    let knows = |reader: &watch::Receiver<Arc<Tokens>>, token: &str| {
        let presented = Presented::from_header(&format!("Bearer {token}")).unwrap();
        reader.borrow().caller(&presented) == Some(&Caller::Operator)
    };
    watch = watch.look();
    assert!(!reader.has_changed().unwrap());

    std::fs::write(&path, "three operator").unwrap();
    watch = watch.look();
    assert!(reader.has_changed().unwrap());
    reader.mark_unchanged();
    assert!(knows(&reader, "three") && !knows(&reader, "one"));

    for broken in ["three operator\nx", "\u{0}"] {
        std::fs::write(&path, broken).unwrap();
        watch = watch.look();
    }
    std::fs::remove_file(&path).unwrap();
    watch = watch.look();
    assert!(!reader.has_changed().unwrap());
    assert!(knows(&reader, "three"));

    std::fs::write(&path, "four operator").unwrap();
    watch.look();
    assert!(knows(&reader, "four"));
}

#[test]
fn a_missing_file_is_an_error_that_names_it() {
    let error = TokensWatch::open("/nonexistent/tokens".into()).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/tokens"), "{error}");
}
