//! Every fuzz target that takes bytes has kept inputs, and every kept input a target: bolero looks for them by the target's name and
//! passes over, without a word, what it does not find.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// How a target begins that takes bytes as they are: those with a type make something of them that nobody writes by hand.
const TAKES_BYTES: &str = "bolero::check!().for_each(";

#[test]
fn every_target_that_takes_bytes_has_kept_inputs() -> Result<()> {
    let mut folders = Vec::new();
    find_tests(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")), 4, &mut folders)?;
    ensure!(!folders.is_empty(), "no fuzz targets are found");
    for folder in folders {
        let targets = targets(&fs::read_to_string(folder.join("fuzz.rs"))?)?;
        let kept = kept(&folder.join("__fuzz__")).with_context(|| folder.display().to_string())?;
        ensure!(targets == kept, "{}: targets {targets:?}, kept inputs of {kept:?}", folder.display());
    }
    Ok(())
}

/// Folders with a `fuzz.rs`, at most so deep.
fn find_tests(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    if folder.join("fuzz.rs").exists() {
        found.push(folder.to_owned());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if depth > 0 && !hidden && entry.file_type()?.is_dir() {
            find_tests(&entry.path(), depth - 1, found)?;
        }
    }
    Ok(())
}

/// The names of the functions that hold a target which takes bytes.
fn targets(source: &str) -> Result<BTreeSet<String>> {
    let before: Vec<_> = source.split(TAKES_BYTES).collect();
    let holders = before.iter().take(before.len().saturating_sub(1)).map(|text| {
        let (_, function) = text.rsplit_once("\nfn ").context("a target outside a function")?;
        let (name, _) = function.split_once('(').context("a function without parentheses")?;
        Ok(name.to_owned())
    });
    holders.collect()
}

/// The names below `__fuzz__` with inputs.
fn kept(folder: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let inputs = fs::read_dir(entry.path().join("corpus"))?.count();
        ensure!(inputs > 0, "no inputs in {}", entry.path().display());
        names.insert(entry.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}
