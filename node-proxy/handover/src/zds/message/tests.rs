use super::*;
use crate::pod::tests::pod;

/// Written by hand from the field numbers, to notice our own changes to the .proto.
#[test]
fn requests_are_istios_bytes() {
    let pod = pod("web", 1);
    let info = b"\x0a\x03web\x12\x04shop\x1a\x07default";
    let add = [b"\x0a\x1f\x0a\x07uid-web\x12\x14".as_slice(), info].concat();
    assert_eq!(Request::Add(pod.clone()).encode().unwrap(), add);
    let delete = b"\x12\x09\x12\x07uid-web";
    assert_eq!(Request::Delete(pod.uid().clone()).encode().unwrap(), delete);
    assert_eq!(Request::SnapshotSent.encode().unwrap(), b"\x1a\x00");
}

#[test]
fn the_hello_is_version_1_without_descriptors() {
    assert_eq!(read_hello(b"\x08\x01", 0), Ok(()));
    let number = |number| Err(Malformed::Number { what: "ZDS version", number });
    assert_eq!(read_hello(b"", 0), number(0));
    assert_eq!(read_hello(b"\x08\x02", 0), number(2));
    assert_eq!(read_hello(b"\x08\x01", 1), Err(Malformed::Descriptors { described: 0, found: 1 }));
}

#[test]
fn acks() {
    assert_eq!(read_ack(b"\x0a\x00", 0), Ok(Ok(())));
    assert_eq!(read_ack(b"\x0a\x04\x0a\x02no", 0), Ok(Err("no".to_owned())));
    assert_eq!(read_ack(b"", 0), Err(Malformed::Empty));
    assert_eq!(read_ack(b"\x0a\x00", 1), Err(Malformed::Descriptors { described: 0, found: 1 }));
}

#[test]
fn what_does_not_fit_is_not_sent() {
    let long = "x".repeat(253);
    let mut pod = pod("web", 1);
    pod.namespace = long.clone().into();
    pod.name = long.clone().into();
    pod.service_account = long.clone().into();
    pod.reference.uid = PodUid::new(&long).unwrap();
    assert!(matches!(Request::Add(pod).encode(), Err(Malformed::TooLong { most: 1024, .. })));
}
