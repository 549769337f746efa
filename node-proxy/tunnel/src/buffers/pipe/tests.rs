use std::io::Write as _;
use std::net::{TcpListener, TcpStream};

use super::*;

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dialled = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (dialled, listener.accept().unwrap().0)
}

#[test]
fn urgent_data_passes_through_a_pipe_in_its_place() {
    let ((mut sender, from), (to, mut receiver)) = (sockets(), sockets());
    SockRef::from(&from).set_out_of_band_inline(true).unwrap();
    from.set_nonblocking(true).unwrap();
    sender.write_all(b"before").unwrap();
    SockRef::from(&sender).send_out_of_band(b"!").unwrap();
    sender.write_all(b"after").unwrap();
    let mut pipe = Pipe::new().unwrap();
    let mut moved = 0;
    while moved < b"before!after".len() {
        match pipe.fill(&from) {
            Ok(filled) => moved += filled,
            // The bytes are still on their way through the kernel.
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        while !pipe.is_empty() {
            pipe.drain(&to).unwrap();
        }
    }
    let mut seen = [0; 12];
    receiver.read_exact(&mut seen).unwrap();
    assert_eq!(&seen, b"before!after");
}
