//! The chart: installed, changed and uninstalled, as users do it with `helm`.

use anyhow::Result;

use crate::program::run;

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/karez");
/// The release, and where it is.
const RELEASE: [&str; 3] = ["karez", "--namespace", "karez-system"];

/// Installs the chart, or makes it what it was at first: `values` are `NAME=VALUE`. Returns once all of it is ready.
pub(crate) fn install(values: &[&str]) -> Result<()> {
    // Where the nodes have the images.
    let sets = ["image.registry=localhost"].iter().chain(values).flat_map(|value| ["--set", value]);
    let how = ["--create-namespace", "--reset-values", "--wait", "--timeout", "3m"];
    let arguments: Vec<&str> =
        ["upgrade", "--install"].into_iter().chain(RELEASE).chain([CHART]).chain(how).chain(sets).collect();
    run("helm", &arguments, "").map(drop)
}

/// Uninstalls it, and returns once all of it is gone.
pub(crate) fn uninstall(flags: &[&str]) -> Result<()> {
    let arguments: Vec<&str> =
        ["uninstall"].into_iter().chain(RELEASE).chain(["--wait"]).chain(flags.iter().copied()).collect();
    run("helm", &arguments, "").map(drop)
}

/// Leaves the chart installed as the other tests want it, whatever becomes of a test.
pub(crate) struct Restored;

impl Drop for Restored {
    fn drop(&mut self) {
        // What keeps it from being installed shows in the tests that come next.
        let _ = install(&[]);
    }
}
