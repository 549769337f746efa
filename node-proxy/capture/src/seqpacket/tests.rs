use std::io::{Read as _, Write as _};
use std::process;

use super::*;

fn abstract_address(what: &str) -> Address {
    Address::Abstract(format!("karez-test-{what}-{}", process::id()))
}

#[test]
fn a_message_and_its_descriptors_arrive_together() {
    let (one, other) = Connection::pair().unwrap();
    let (mut reader, writer) = io::pipe().unwrap();
    one.send(b"take this", &[writer.as_fd()]).unwrap();
    drop(writer);

    let mut buffer = [0; 64];
    let mut received = other.receive(&mut buffer).unwrap().unwrap();
    assert_eq!(&buffer[..received.length], b"take this");
    let mut writer = fs::File::from(received.descriptors.pop().unwrap());
    writer.write_all(b"hello").unwrap();
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
}

#[test]
fn messages_keep_their_bounds_and_the_end_is_seen() {
    let (one, other) = Connection::pair().unwrap();
    one.send(b"a", &[]).unwrap();
    one.send(b"bc", &[]).unwrap();
    drop(one);
    let mut buffer = [0; 64];
    assert_eq!(other.receive(&mut buffer).unwrap().unwrap().length, 1);
    assert_eq!(other.receive(&mut buffer).unwrap().unwrap().length, 2);
    assert!(other.receive(&mut buffer).unwrap().is_none());
}

#[test]
fn an_empty_connection_would_block() {
    let (one, _other) = Connection::pair().unwrap();
    assert_eq!(one.receive(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn a_message_that_does_not_fit_is_an_error_and_its_descriptors_are_closed() {
    let (one, other) = Connection::pair().unwrap();
    let (mut reader, writer) = io::pipe().unwrap();
    one.send(&[7; 100], &[writer.as_fd()]).unwrap();
    drop(writer);
    assert_eq!(other.receive(&mut [0; 99]).unwrap_err().kind(), io::ErrorKind::InvalidData);
    assert_eq!(reader.read(&mut [0]).unwrap(), 0, "the last writer is closed");
}

#[test]
fn as_many_descriptors_as_the_kernel_takes() {
    let (one, other) = Connection::pair().unwrap();
    let own = one.as_fd();
    one.send(b"many", &vec![own; MOST_DESCRIPTORS]).unwrap();
    assert_eq!(other.receive(&mut [0; 8]).unwrap().unwrap().descriptors.len(), MOST_DESCRIPTORS);
    let too_many = one.send(b"more", &vec![own; MOST_DESCRIPTORS + 1]);
    assert_eq!(too_many.unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn an_empty_message_is_not_sent() {
    let (one, _other) = Connection::pair().unwrap();
    assert_eq!(one.send(b"", &[]).unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn an_abstract_name_connects_and_tells_who() {
    let address = abstract_address("who");
    let listener = Listener::bind(&address).unwrap();
    let client = Connection::connect(&address).unwrap();
    let server = listener.accept().unwrap();
    let uid = nix::unistd::Uid::effective().as_raw();
    assert_eq!((server.peer_uid().unwrap(), client.peer_uid().unwrap()), (uid, uid));
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert_eq!(Listener::bind(&address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
}

#[test]
fn a_path_is_taken_over_from_a_socket_and_from_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent");
    let address = Address::Path(path.clone());
    drop(Listener::bind(&address).unwrap());
    let listener = Listener::bind(&address).unwrap();
    let _client = Connection::connect(&address).unwrap();
    listener.accept().unwrap();

    let file = folder.path().join("file");
    fs::write(&file, "precious").unwrap();
    assert_eq!(
        Listener::bind(&Address::Path(file.clone())).unwrap_err().kind(),
        io::ErrorKind::AlreadyExists
    );
    assert_eq!(fs::read(file).unwrap(), b"precious");
}

#[test]
fn addresses_read_as_they_are_written() {
    for text in ["@karez-agent", "/run/karez/agent"] {
        assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
    }
}
