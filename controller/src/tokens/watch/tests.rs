use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use super::*;
use crate::callers::Caller;
use crate::tokens::Presented;

#[test]
fn a_changed_file_is_read_again_and_a_broken_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens");
    write(&path, "one operator\n");
    let (mut watch, mut reader) = TokensWatch::open(path.clone()).unwrap();
    let knows = |reader: &watch::Receiver<Arc<Tokens>>, token: &str| {
        let presented = Presented::of(token);
        reader.borrow().caller(&presented) == Some(&Caller::Operator { user: None })
    };
    watch = watch.look();
    assert!(!reader.has_changed().unwrap());

    write(&path, "three operator\n");
    watch = watch.look();
    assert!(!reader.has_changed().unwrap(), "it may still be written to");
    watch = watch.look();
    assert!(reader.has_changed().unwrap());
    reader.mark_unchanged();
    assert!(knows(&reader, "three") && !knows(&reader, "one"));

    for broken in ["three operator\nx\n", "\u{0}\n", "", "\n", "four operator", "four operator\nfive oper"] {
        write(&path, broken);
        watch = watch.look().look();
    }
    std::fs::remove_file(&path).unwrap();
    watch = watch.look().look();
    assert!(!reader.has_changed().unwrap());
    assert!(knows(&reader, "three"));

    write(&path, "four operator\n");
    watch = watch.look().look();
    assert!(knows(&reader, "four"));
    write(&path, "# nobody\n");
    watch.look().look();
    assert_eq!(reader.borrow().callers().count(), 0);
}

#[test]
fn a_file_that_grows_is_read_when_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens");
    let lines = |count: usize| (0..count).map(|at| format!("token-{at} node n{at}\n")).collect::<String>();
    write(&path, lines(3));
    let (mut watch, reader) = TokensWatch::open(path.clone()).unwrap();
    for count in 1..=4 {
        write(&path, lines(count));
        watch = watch.look();
        assert!(!reader.has_changed().unwrap(), "{count}");
    }
    watch.look();
    assert_eq!(reader.borrow().callers().count(), 4);
}

#[test]
fn a_file_that_could_not_be_read_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens");
    write(&path, "one operator\ntwo operator\n");
    let (watch, reader) = TokensWatch::open(path.clone()).unwrap();
    write(&path, "one operator\n");
    let too_many_open_files = |path: &Path| {
        let error = std::io::Error::from_raw_os_error(nix::libc::EMFILE);
        Err(TokensError::Read { path: path.to_owned(), error })
    };
    let watch = watch.look().look_by(too_many_open_files);
    assert_eq!(reader.borrow().callers().count(), 2);
    watch.look();
    assert_eq!(reader.borrow().callers().count(), 1);
}

#[test]
fn a_file_that_holds_no_tokens_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens");
    write(&path, "one operator\n");
    let (mut watch, _reader) = TokensWatch::open(path.clone()).unwrap();
    for wrong in [&b"\xff\n"[..], b"", b"one operator", b"one\n"] {
        write(&path, wrong);
        watch = watch.look().look();
        watch = watch.look_by(|_| panic!("{wrong:?} was read again"));
    }
}

#[test]
fn what_cannot_be_believed_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens");
    for (text, words) in
        [("", "is empty"), (" \n", "is empty"), ("one operator", "does not end with a newline")]
    {
        write(&path, text);
        let error = TokensWatch::open(path.clone()).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(&path.display().to_string()), "{error}");
    }
}

#[test]
fn a_missing_file_is_an_error_that_names_it() {
    let error = TokensWatch::open("/nonexistent/tokens".into()).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/tokens"), "{error}");
}

#[test]
fn a_file_that_others_may_read_is_refused_until_they_may_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens");
    let allow = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    for mode in [0o640, 0o604, 0o620] {
        write(&path, "one operator\n");
        allow(mode);
        let error = TokensWatch::open(path.clone()).unwrap_err().to_string();
        assert!(error.contains("chmod 600") && error.contains(&path.display().to_string()), "{error}");
    }
    allow(0o600);
    let (watch, reader) = TokensWatch::open(path.clone()).unwrap();
    write(&path, "one operator\ntwo operator\n");
    allow(0o644);
    let watch = watch.look().look();
    assert_eq!(reader.borrow().callers().count(), 1, "what was read before stays in force");
    allow(0o600);
    watch.look().look();
    assert_eq!(reader.borrow().callers().count(), 2);
}

/// Writes a file that its owner alone may read, if it is new.
fn write(path: &Path, text: impl AsRef<[u8]>) {
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_ref()).unwrap();
}
