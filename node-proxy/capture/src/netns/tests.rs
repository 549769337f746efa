use super::*;

#[test]
fn a_path_that_leads_nowhere_is_named() {
    let error = NetworkNamespace::open("/nowhere/at/all").unwrap_err();
    assert!(matches!(error, NamespaceError::Open { .. }), "{error:?}");
    assert!(error.to_string().contains("/nowhere/at/all"));
}

#[test]
fn a_file_is_not_a_namespace() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = NetworkNamespace::open(file.path()).unwrap_err();
    assert!(matches!(error, NamespaceError::NotANamespace { .. }), "{error:?}");
}

#[test]
fn a_fifo_that_nobody_writes_to_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRUSR).unwrap();
    let error = NetworkNamespace::open(&fifo).unwrap_err();
    assert!(matches!(error, NamespaceError::NotANamespace { .. }), "{error:?}");
}

#[test]
fn the_own_namespace_is_refused() {
    let error = NetworkNamespace::open("/proc/self/ns/net").unwrap_err();
    assert!(matches!(error, NamespaceError::Own { .. }), "{error:?}");
}

#[test]
fn a_namespace_of_another_kind_cannot_be_entered() {
    let namespace = NetworkNamespace::open("/proc/self/ns/uts").unwrap();
    let error = namespace.run(|| ()).unwrap_err();
    assert!(matches!(error, NamespaceError::Enter { .. }), "{error:?}");
}

#[test]
fn loopback_and_link_local_addresses_are_left_out() {
    let routable = |text: &str| is_routable(&text.parse().unwrap());
    assert!(routable("10.0.0.1"));
    assert!(routable("fd00::1"));
    for text in ["127.0.0.1", "::1", "169.254.7.127", "fe80::1"] {
        assert!(!routable(text), "{text}");
    }
}
