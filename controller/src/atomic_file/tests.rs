use super::*;

#[test]
fn a_file_that_cannot_be_put_in_its_place_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    // A folder in its place: the file can be written, but not put there.
    std::fs::create_dir(folder.path().join("a")).unwrap();
    assert!(replace(folder.path(), "a", b"text", 0o600).is_err());
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["a"]);
}

#[test]
fn only_what_differs_is_written() {
    let folder = tempfile::tempdir().unwrap();
    replace(folder.path(), "a", b"text", 0o600).unwrap();
    // Nothing can be written as long as this is in the way, by root neither.
    std::fs::create_dir(folder.path().join(".a.new")).unwrap();
    assert!(replace(folder.path(), "a", b"text", 0o600).is_ok());
    assert!(replace(folder.path(), "a", b"next", 0o600).is_err(), "the content");
    assert!(replace(folder.path(), "a", b"text", 0o644).is_err(), "the mode");
    assert_eq!(std::fs::read(folder.path().join("a")).unwrap(), b"text");
}
