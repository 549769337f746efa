use clap::CommandFactory as _;

use super::*;

fn platform(flags: &[&str]) -> Result<Option<Platform>, clap::error::ErrorKind> {
    let flags = std::iter::once("karez-controller").chain(flags.iter().copied());
    Settings::try_parse_from(flags).map(|settings| settings.platform()).map_err(|error| error.kind())
}

#[test]
fn the_command_line_is_consistent() {
    Settings::command().debug_assert();
}

#[test]
fn a_controller_works_on_a_folder_or_a_cluster() {
    use clap::error::ErrorKind::{ArgumentConflict, MissingRequiredArgument};
    let folder = ["--manifests=m", "--state-dir=s", "--tokens=t"];
    let cluster = ["--kubernetes", "--namespace=karez-system", "--pod=karez-controller-x"];
    assert!(matches!(platform(&folder), Ok(Some(Platform::Folder { .. }))));
    assert!(matches!(platform(&cluster), Ok(Some(Platform::Cluster { .. }))));
    for missing in [&folder[1..], &folder[..2], &cluster[..2], &[]] {
        assert_eq!(platform(missing), Err(MissingRequiredArgument), "{missing:?}");
    }
    for flag in folder {
        assert_eq!(platform(&[&cluster[..], &[flag]].concat()), Err(ArgumentConflict), "{flag}");
    }
}
