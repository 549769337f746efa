//! Each folder beside this file holds manifests and what they translate to, `expected.txt`.
//! `KAREZ_BLESS=1 cargo test` writes those files anew.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test's helpers may fail")]

#[path = "../manifests/mod.rs"]
mod manifests;
mod render;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use karez_translate::Index;

#[test]
fn manifests_translate_as_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let folders: Vec<PathBuf> = sorted(&root).into_iter().filter(|path| path.is_dir()).collect();
    assert!(folders.len() >= 4, "{folders:?}");
    for folder in folders {
        let is_manifest = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "yaml");
        let files = sorted(&folder).into_iter().filter(is_manifest);
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let files: Vec<_> = files.map(|path| (name(&path), std::fs::read(path).unwrap())).collect();
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
        let mut index = Index::default();
        index.apply(manifests::deltas(&files));
        let text = describe(&index);
        let expected = folder.join("expected.txt");
        if std::env::var_os("KAREZ_BLESS").is_some() {
            std::fs::write(&expected, &text).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(&expected).unwrap(), "{}", folder.display());
    }
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn describe(index: &Index) -> String {
    let mut text = String::new();
    for (name, message) in &index.resources() {
        writeln!(text, "{}", render::resource(name, message)).unwrap();
    }
    for pod in index.pods().iter() {
        let identity = pod.identity.as_ref().map_or("nobody".to_owned(), ToString::to_string);
        let mesh = if pod.enrolled { "enrolled" } else { "not enrolled" };
        let node = pod.node.as_deref().unwrap_or("no node");
        writeln!(text, "pod {} on {node}: {identity}, {mesh}", pod.uid).unwrap();
    }
    for report in &index.problems() {
        writeln!(text, "problem in {}: {} (serves: {})", report.source, report.problem, report.effect)
            .unwrap();
    }
    text
}
