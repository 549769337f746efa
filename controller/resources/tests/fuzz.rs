//! Whatever a file holds, reading it ends, and says where in it what is wrong. Before random input, a target is given the files of
//! its folder below `__fuzz__`, if it has one.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test's helpers may fail")]

use karez_resources::{Reading, manifest};

#[test]
fn any_bytes_are_read() {
    bolero::check!().for_each(read);
}

#[test]
fn any_edit_of_a_manifest_is_read() {
    const MANIFEST: &[u8] = include_bytes!("manifests/policies.yaml");
    bolero::check!().with_type::<(u16, u8, Vec<u8>)>().for_each(|(at, length, text)| {
        let at = usize::from(*at) % MANIFEST.len();
        let end = (at + usize::from(*length)).min(MANIFEST.len());
        read(&[&MANIFEST[..at], text, &MANIFEST[end..]].concat());
    });
}

fn read(file: &[u8]) {
    // YAML 1.2 section 5.4: a CR alone breaks a line, too.
    let lines = file.split(|byte| matches!(byte, b'\n' | b'\r')).count();
    for reading in manifest::read(file) {
        match reading {
            Reading::Broken(broken) => {
                let line = broken.problem.line.unwrap();
                assert!((1..=lines + 1).contains(&line), "line {line} of {lines}");
            }
            Reading::Ignored(ignored) => assert!(!ignored.kind.is_empty()),
            Reading::Good(resource) => assert!(!resource.key().name.is_empty()),
        }
    }
}
