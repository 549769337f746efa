//! The deciding crates name nothing that acts: no runtime, no TLS, no logging, no Kubernetes client.
//!
//! The compiler cannot check this rule, so the test reads manifests and sources.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Crates that a pure crate must not name. `kube` has its own check below, because its derive macros are allowed.
const ACTORS: [&str; 12] = [
    "async-std",
    "h2",
    "hyper",
    "log",
    "nix",
    "rustls",
    "smol",
    "socket2",
    "tokio",
    "tokio-rustls",
    "tower",
    "tracing",
];

/// Calls of the standard library that await, read the clock or open something.
const ACTS: [&str; 9] = [
    "async fn",
    ".await",
    "std::fs",
    "std::process",
    "std::thread",
    "Instant::now",
    "SystemTime::now",
    "TcpStream",
    "UdpSocket",
];

/// The pure crates, relative to this folder.
const CRATES: [&str; 5] = [
    ".",
    "../../controller/api",
    "../../controller/resources",
    "../../controller/translate",
    "../../waypoint/route",
];

#[test]
fn manifests_name_no_actor() -> io::Result<()> {
    for krate in CRATES {
        let manifest = read(&folder(krate).join("Cargo.toml"))?;
        for (name, value) in dependencies(&manifest) {
            assert!(!ACTORS.contains(&name), "{krate} depends on {name}");
            match name {
                // gRPC stubs, as an optional feature.
                "tonic" | "tonic-prost" => {
                    assert!(
                        krate.ends_with("api") && value.contains("optional = true"),
                        "{krate}: {name} = {value}"
                    );
                }
                // The derive macros of kinds, without the client.
                "kube" => {
                    assert!(krate.ends_with("resources"), "{krate} depends on kube");
                    assert!(
                        !value.contains("client") && !value.contains("runtime"),
                        "{krate}: {name} = {value}"
                    );
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The workspace's kube has no default features either: otherwise the crate's own line would prove nothing.
#[test]
fn the_workspaces_kube_has_no_client() -> io::Result<()> {
    let manifest = read(&folder("../..").join("Cargo.toml"))?;
    let (_, value) = lines_of(&manifest, "[workspace.dependencies]")
        .find(|(name, _)| *name == "kube")
        .expect("kube is in the workspace");
    assert!(value.contains("default-features = false"), "{value}");
    assert!(!value.contains("client") && !value.contains("runtime"), "{value}");
    Ok(())
}

#[test]
fn sources_name_no_actor() -> io::Result<()> {
    for krate in CRATES {
        let mut files = Vec::new();
        collect(&folder(krate).join("src"), &mut files)?;
        assert!(!files.is_empty(), "{krate} has sources");
        for file in files {
            let text = code(&read(&file)?);
            for actor in ACTORS.map(|name| name.replace('-', "_")) {
                assert!(!names(&text, &actor), "{} names {actor}", file.display());
            }
            assert!(!text.contains("kube::Client"), "{} names kube's client", file.display());
            for act in ACTS {
                assert!(!text.contains(act), "{} holds {act:?}", file.display());
            }
        }
    }
    Ok(())
}

/// The client of the Kubernetes API and the types of its objects are for the controller alone: node proxy, agent and CNI plugin are
/// built without them.
#[test]
fn what_runs_on_nodes_names_nothing_of_kubernetes() -> io::Result<()> {
    const KUBERNETES: [&str; 5] =
        ["k8s-openapi", "karez-controller", "karez-resources", "karez-translate", "kube"];
    let node_proxy = folder("..");
    let crates = fs::read_dir(&node_proxy)?.collect::<Result<Vec<_>, _>>()?;
    let manifests = crates.into_iter().map(|krate| krate.path().join("Cargo.toml"));
    let manifests = manifests.chain([node_proxy.join("Cargo.toml")]).filter(|manifest| manifest.exists());
    let mut count = 0;
    for manifest in manifests {
        count += 1;
        for (name, _) in dependencies(&read(&manifest)?) {
            assert!(!KUBERNETES.contains(&name), "{} depends on {name}", manifest.display());
        }
    }
    assert!(count > 5, "node-proxy has {count} crates");
    Ok(())
}

/// The checks can fail.
#[test]
fn an_actor_would_be_seen() {
    let manifest = "[package]\nname = \"x\"\n\n[dependencies]\ntokio.workspace = true\n\n[dev-dependencies]\nnix = \"1\"\n";
    assert_eq!(dependencies(manifest).collect::<Vec<_>>(), [("tokio", "true")]);
    let dotted = "[dependencies.rustls]\nversion = \"1\"\n[target.'cfg(unix)'.dependencies]\nlog = \"1\"\n";
    assert_eq!(dependencies(dotted).map(|(name, _)| name).collect::<Vec<_>>(), ["rustls", "log"]);
    assert!(!code("//! tokio::spawn\n/// tokio::spawn\nlet x = 1; // tokio::spawn").contains("tokio"));
    assert!(names(&code("    tokio::spawn(x);"), "tokio"));
    assert!(names("use log::info;", "log") && !names("use crate::catalog::Entry;", "log"));
}

/// Name and value of each dependency, without those for tests and builds.
fn dependencies(manifest: &str) -> impl Iterator<Item = (&str, &str)> {
    let headers = manifest.lines().map(str::trim).filter(|line| line.starts_with('['));
    headers.flat_map(|header| {
        let name = header.trim_matches(['[', ']']);
        let table =
            (name == "dependencies" || name.ends_with(".dependencies")).then(|| lines_of(manifest, header));
        // `[dependencies.NAME]`
        let own = name.strip_prefix("dependencies.").map(|name| (name, ""));
        table.into_iter().flatten().chain(own)
    })
}

/// The lines under a header, each as its first name and its value.
fn lines_of<'a>(manifest: &'a str, header: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let lines = manifest.lines().map(str::trim).skip_while(move |line| *line != header).skip(1);
    lines.take_while(|line| !line.starts_with('[')).filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        Some((key.split('.').next()?.trim(), value.trim()))
    })
}

/// Whether the code has a path that starts with that name.
fn names(code: &str, name: &str) -> bool {
    let path = format!("{name}::");
    let whole = |at| !code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
    code.match_indices(&path).any(|(at, _)| whole(at))
}

/// The text without comments. Tests are in separate files, which are not collected.
fn code(text: &str) -> String {
    let uncommented = text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    uncommented.collect::<Vec<_>>().join("\n")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_test = path.file_stem().is_some_and(|stem| stem == "tests" || stem == "fixture");
        match path.extension() {
            _ if is_test => {}
            None if path.is_dir() => collect(&path, files)?,
            Some(extension) if extension == "rs" => files.push(path),
            _ => {}
        }
    }
    Ok(())
}

fn folder(krate: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(krate)
}

fn read(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
