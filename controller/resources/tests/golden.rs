//! Every file of `tests/manifests` is read, and what became of its objects is compared with the `.txt` beside it.
//! `KAREZ_BLESS=1 cargo test` writes those files anew.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test's helpers may fail")]

use std::fmt::Write;
use std::path::Path;

use karez_resources::{Reading, manifest};

#[test]
fn manifests_are_read_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests");
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension != "txt"));
    files.sort();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let read = describe(&manifest::read(&std::fs::read(&file).unwrap()));
        let expected = file.with_extension("txt");
        if std::env::var_os("KAREZ_BLESS").is_some() {
            std::fs::write(&expected, &read).unwrap();
        }
        assert_eq!(read, std::fs::read_to_string(&expected).unwrap(), "{}", file.display());
    }
}

fn describe(readings: &[Reading]) -> String {
    let mut text = String::new();
    for reading in readings {
        match reading {
            Reading::Good(resource) => writeln!(text, "good    {}", resource.key()),
            Reading::Ignored(ignored) => writeln!(text, "ignored {ignored}"),
            Reading::Broken(broken) => writeln!(text, "broken  {}", broken.problem),
        }
        .unwrap();
    }
    text
}
