use super::owner::own_as;
use super::*;

#[test]
fn without_a_reserved_uid_nothing_is_changed() {
    own_as(None).unwrap();
}

#[test]
fn a_uid_that_cannot_be_taken_on_is_an_error_and_not_silence() {
    // No process has this one: the kernel answers the old uid, and says nothing.
    let thread = std::thread::spawn(|| own_as(Some(u32::MAX - 1)));
    let result = thread.join().unwrap();
    if nix::unistd::Uid::effective().is_root() {
        return;
    }
    assert!(matches!(result, Err(SocketError::Owner { .. })), "{result:?}");
}

#[test]
fn every_listener_has_one_of_the_reserved_ports() {
    let ports: std::collections::BTreeSet<_> = Listening::ALL.into_iter().map(Listening::port).collect();
    assert_eq!(ports.into_iter().collect::<Vec<_>>(), karez_api::names::port::RESERVED);
}
