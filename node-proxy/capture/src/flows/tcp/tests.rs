use std::net::Ipv4Addr;

use netlink_packet_sock_diag::inet::InetResponseHeader;
use netlink_packet_sock_diag::{TCP_CLOSE_WAIT, TCP_ESTABLISHED, TCP_FIN_WAIT1};

use super::*;

const CLIENT: &str = "10.1.0.7:40000";
const APPLICATION: &str = "10.0.0.2:8080";
const HELD: u32 = 4711;

/// The socket at `local`.
pub(crate) fn socket_at(local: &str, remote: &str, mark: Option<u32>) -> TcpSocket {
    TcpSocket { family: AF_INET, id: id(local, remote), mark }
}

fn id(local: &str, remote: &str) -> SocketId {
    let (local, remote): (SocketAddr, SocketAddr) = (local.parse().unwrap(), remote.parse().unwrap());
    SocketId {
        source_port: local.port(),
        destination_port: remote.port(),
        source_address: local.ip(),
        destination_address: remote.ip(),
        interface_id: 0,
        cookie: [1; 8],
    }
}

fn response(state: u8, inode: u32, attributes: Vec<Nla>) -> InetResponse {
    let socket_id = id(APPLICATION, CLIENT);
    let (family, timer, recv_queue, send_queue, uid) = (AF_INET, None, 0, 0, 0);
    let header = InetResponseHeader { family, state, timer, socket_id, recv_queue, send_queue, uid, inode };
    InetResponse { header, nlas: attributes.into() }
}

#[test]
fn what_nobody_holds_is_one_of_them_as_long_as_it_may_send() {
    let cases = [
        (TCP_ESTABLISHED, HELD, true),
        (TCP_FIN_WAIT1, 0, true),
        (TCP_CLOSE_WAIT, HELD, true),
        (TCP_FIN_WAIT2, HELD, true),
        (TCP_FIN_WAIT2, 0, false),
    ];
    for (state, inode, is_one) in cases {
        assert_eq!(read(&response(state, inode, vec![])).is_some(), is_one, "state {state}, inode {inode}");
    }
}

#[test]
fn its_mark_is_read_among_other_attributes() {
    for (attributes, mark) in [
        (vec![Nla::Mark(0x111)], Some(0x111)),
        (vec![Nla::Tos(0), Nla::Mark(0x111)], Some(0x111)),
        (vec![Nla::Tos(0)], None),
    ] {
        assert_eq!(read(&response(TCP_ESTABLISHED, HELD, attributes)).unwrap().mark, mark);
    }
}

#[test]
fn both_ends_are_of_one_connection_and_a_socket_of_both_families_too() {
    let mapped = |text: &str| {
        let address: SocketAddr = text.parse().unwrap();
        let v4: Ipv4Addr = address.ip().to_string().parse().unwrap();
        SocketAddr::new(v4.to_ipv6_mapped().into(), address.port()).to_string()
    };
    let proxys = socket_at(CLIENT, APPLICATION, None);
    let applications =
        TcpSocket { family: AF_INET6, id: id(&mapped(APPLICATION), &mapped(CLIENT)), mark: None };
    assert_eq!(proxys.connection(), applications.connection());
    assert_eq!(applications.local(), APPLICATION.parse().unwrap());
    assert_ne!(proxys.connection(), socket_at("10.1.0.7:40001", APPLICATION, None).connection());
}
