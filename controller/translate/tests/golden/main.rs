//! Each folder beside this file holds manifests and what they translate to, `expected.txt`.
//! `KAREZ_BLESS=1 cargo test` writes those files anew.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test's helpers may fail")]

mod render;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use karez_resources::manifest;
use karez_translate::{Objects, Options, Translation, translate};

#[test]
fn manifests_translate_as_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let folders: Vec<PathBuf> = sorted(&root).into_iter().filter(|path| path.is_dir()).collect();
    assert!(folders.len() >= 4, "{folders:?}");
    for folder in folders {
        let mut objects = Objects::default();
        for file in sorted(&folder)
            .iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        {
            let name = file.file_name().unwrap().to_str().unwrap();
            objects.load(name, manifest::read(&std::fs::read(file).unwrap()));
        }
        let text = describe(&translate(&objects, &Options::default()));
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

fn describe(translation: &Translation) -> String {
    let mut text = String::new();
    for (name, message) in &translation.resources {
        writeln!(text, "{}", render::resource(name, message)).unwrap();
    }
    for pod in &translation.pods {
        let identity = pod.identity.as_ref().map_or("nobody".to_owned(), ToString::to_string);
        let mesh = if pod.enrolled { "enrolled" } else { "not enrolled" };
        let node = pod.node.as_deref().unwrap_or("no node");
        writeln!(text, "pod {} on {node}: {identity}, {mesh}", pod.uid).unwrap();
    }
    for report in &translation.problems {
        writeln!(text, "problem in {}: {} (serves: {})", report.source, report.problem, report.effect)
            .unwrap();
    }
    text
}
