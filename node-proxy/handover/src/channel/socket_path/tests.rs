use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use tempfile::TempDir;

use super::*;

/// `outer/inner/agent.sock`, with those modes.
fn folders(outer: u32, inner: u32) -> TempDir {
    let top = tempfile::tempdir().unwrap();
    let folder = top.path().join("outer/inner");
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(inner)).unwrap();
    fs::set_permissions(top.path().join("outer"), Permissions::from_mode(outer)).unwrap();
    top
}

fn is_trusted(top: &TempDir, path: &str) -> bool {
    trusted(&top.path().join(path), own_uid(top)).is_ok()
}

/// The folder's owner: this process.
fn own_uid(top: &TempDir) -> u32 {
    fs::metadata(top.path()).unwrap().uid()
}

#[test]
fn nobody_else_may_write_on_the_way() {
    let cases = [
        (0o755, 0o755, true),
        (0o711, 0o700, true),
        (0o755, 0o775, false),
        (0o755, 0o757, false),
        (0o755, 0o1777, false),
        (0o777, 0o755, false),
        (0o1777, 0o755, true),
    ];
    for (outer, inner, expected) in cases {
        let top = folders(outer, inner);
        assert_eq!(is_trusted(&top, "outer/inner/agent.sock"), expected, "{outer:o} {inner:o}");
    }
}

#[test]
fn a_link_is_as_good_as_what_it_leads_to() {
    for (inner, expected) in [(0o755, true), (0o777, false)] {
        let top = folders(0o755, inner);
        symlink(top.path().join("outer/inner"), top.path().join("link")).unwrap();
        assert_eq!(is_trusted(&top, "link/agent.sock"), expected, "{inner:o}");
    }
}

#[test]
fn a_folder_that_is_not_there_or_somebody_elses_is_refused() {
    let top = folders(0o755, 0o755);
    assert!(!is_trusted(&top, "missing/agent.sock"));
    let folder = top.path().join("outer/inner").canonicalize().unwrap();
    let refused = check_folder(&folder, &[own_uid(&top) + 1]).unwrap_err().to_string();
    assert!(refused.contains(&*folder.to_string_lossy()), "{refused}");
}
