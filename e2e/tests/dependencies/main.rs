//! What other people's code may come into the house, as `.cargo/deny.toml` says it: checked with what every machine has, whether or
//! not cargo-deny is installed.

mod licence;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

const POLICY: &str = include_str!("../../../.cargo/deny.toml");
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// None for those of this workspace.
    source: Option<String>,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    req: String,
    source: Option<String>,
}

#[test]
fn every_dependency_is_one_that_may_come_in() -> Result<()> {
    let allowed = listed("licenses", "allow")?;
    let banned = listed("bans", "deny")?;
    for target in listed("graph", "targets")? {
        let packages = packages(target)?;
        ensure!(packages.iter().any(|package| package.name == "tokio"), "{target}: too few packages");
        let problems: Vec<_> =
            packages.iter().filter_map(|package| problem(package, &allowed, &banned)).collect();
        ensure!(problems.is_empty(), "{target}: see .cargo/deny.toml:\n{}", problems.join("\n"));
    }
    Ok(())
}

fn problem(package: &Package, allowed: &[&str], banned: &[&str]) -> Option<String> {
    let Package { name, version, license, source, dependencies } = package;
    let licence = license.as_deref().unwrap_or_default();
    let wild = |dependency: &&Dependency| dependency.req == "*" && dependency.source.is_some();
    let what = match source.as_deref() {
        None => format!("takes any version of {}", dependencies.iter().find(wild)?.name),
        Some(_) if banned.contains(&name.as_str()) => "is banned".to_owned(),
        Some(CRATES_IO) if licence::is_allowed(licence, allowed) => return None,
        Some(CRATES_IO) => format!("has the licence {licence:?}, which is not allowed"),
        Some(other) => format!("comes from {other}, not from crates.io"),
    };
    Some(format!("{name} {version} {what}"))
}

/// All that is compiled for a target, in whatever configuration. Nothing is fetched that is there.
fn packages(target: &str) -> Result<Vec<Package>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["metadata", "--locked", "--all-features", "--format-version", "1", "--filter-platform"];
    let output = Command::new(cargo)
        .args(arguments)
        .arg(target)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .output()?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    Ok(metadata.packages)
}

/// The texts of a list in the policy; the list stands on one line.
fn listed(section: &str, key: &str) -> Result<Vec<&'static str>> {
    let (_, section_on) = POLICY.split_once(&format!("\n[{section}]\n")).context(section.to_owned())?;
    let line = section_on
        .lines()
        .take_while(|line| !line.starts_with('['))
        .find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='))
        .with_context(|| format!("no {key} in [{section}]"))?;
    ensure!(line.trim_end().ends_with(']'), "{key} in [{section}] is not on one line");
    Ok(line.split('"').skip(1).step_by(2).collect())
}

#[test]
fn what_may_not_come_in_is_named() {
    let package = |name: &str, licence: &str, source: Option<&str>| Package {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        license: Some(licence.to_owned()),
        source: source.map(str::to_owned),
        dependencies: vec![
            Dependency { name: "ours".to_owned(), req: "*".to_owned(), source: None },
            Dependency { name: "any".to_owned(), req: "*".to_owned(), source: Some(CRATES_IO.to_owned()) },
        ],
    };
    let problem = |package: &Package| problem(package, &["MIT"], &["bad"]);
    assert_eq!(problem(&package("good", "MIT", Some(CRATES_IO))), None);
    for (package, what) in [
        (package("bad", "MIT", Some(CRATES_IO)), "bad 1.0.0 is banned"),
        (package("free", "GPL-3.0", Some(CRATES_IO)), "free 1.0.0 has the licence \"GPL-3.0\""),
        (package("none", "", Some(CRATES_IO)), "none 1.0.0 has the licence \"\""),
        (
            package("fork", "MIT", Some("git+https://host/fork")),
            "fork 1.0.0 comes from git+https://host/fork",
        ),
        (package("wild", "", None), "wild 1.0.0 takes any version of any"),
    ] {
        let found = problem(&package).unwrap_or_default();
        assert!(found.starts_with(what), "{found}");
    }
}
