use socket2::{Socket, Type};

use super::owner::own_as;
use super::*;

#[test]
fn without_a_reserved_uid_nothing_is_changed() {
    own_as(None).unwrap();
}

/// What comes of taking on a uid, and whose the sockets are that the thread opens then.
fn taken_on(uid: u32) -> (Result<(), SocketError>, u32) {
    let open = move || {
        let result = own_as(Some(uid));
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        (result, nix::sys::stat::fstat(socket).unwrap().st_uid)
    };
    std::thread::spawn(open).join().unwrap()
}

#[test]
fn sockets_belong_to_the_uid_that_was_taken_on_or_it_is_an_error() {
    let own = nix::unistd::Uid::effective().as_raw();
    // The kernel says nothing when it refuses: as root it takes any, otherwise the own one alone. The last one is no uid at all.
    for uid in [own, 1_506_015, u32::MAX] {
        match taken_on(uid) {
            (Ok(()), owner) => assert_eq!(owner, uid),
            (Err(SocketError::Owner { uid: refused }), owner) => assert_eq!((refused, owner), (uid, own)),
            (Err(other), _) => panic!("{uid}: {other}"),
        }
    }
    assert!(taken_on(own).0.is_ok() && taken_on(u32::MAX).0.is_err());
}

#[test]
fn every_listener_has_one_of_the_reserved_ports() {
    let ports: std::collections::BTreeSet<_> = Listening::ALL.into_iter().map(Listening::port).collect();
    assert_eq!(ports.into_iter().collect::<Vec<_>>(), karez_api::names::port::RESERVED);
}
