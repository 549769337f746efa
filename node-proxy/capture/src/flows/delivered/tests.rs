use std::net::Ipv4Addr;

use netlink_packet_sock_diag::inet::InetResponseHeader;
use netlink_packet_sock_diag::{TCP_CLOSE_WAIT, TCP_ESTABLISHED, TCP_FIN_WAIT1};

use super::*;

const CLIENT: &str = "10.1.0.7:40000";
const APPLICATION: &str = "10.0.0.2:8080";
const HELD: u32 = 4711;

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

fn socket(state: u8, inode: u32, attributes: Vec<Nla>) -> InetResponse {
    let socket_id = id(APPLICATION, CLIENT);
    let (family, timer, recv_queue, send_queue, uid) = (AF_INET, None, 0, 0, 0);
    let header = InetResponseHeader { family, state, timer, socket_id, recv_queue, send_queue, uid, inode };
    InetResponse { header, nlas: attributes.into() }
}

#[test]
fn they_are_told_by_their_mark() {
    let cases = [
        ("the mark", vec![Nla::Mark(0x111)], true),
        ("among other attributes", vec![Nla::Tos(0), Nla::Mark(0x111)], true),
        ("with the application's own bits", vec![Nla::Mark(0xabcd_e111)], true),
        ("the mark of what goes into the network", vec![Nla::Mark(0x539)], false),
        ("no mark", vec![Nla::Mark(0)], false),
        ("not told", vec![], false),
    ];
    for (what, attributes, is_delivered) in cases {
        assert_eq!(read(&socket(TCP_ESTABLISHED, HELD, attributes)).is_some(), is_delivered, "{what}");
    }
}

#[test]
fn what_nobody_holds_is_one_of_them_as_long_as_it_may_send() {
    let cases = [
        (TCP_FIN_WAIT1, 0, true),
        (TCP_CLOSE_WAIT, HELD, true),
        (TCP_FIN_WAIT2, HELD, true),
        (TCP_FIN_WAIT2, 0, false),
    ];
    for (state, inode, is_delivered) in cases {
        let found = read(&socket(state, inode, vec![Nla::Mark(0x111)]));
        assert_eq!(found.is_some(), is_delivered, "state {state}, inode {inode}");
    }
}

#[test]
fn both_ends_are_of_one_connection_and_a_socket_of_both_families_too() {
    let mapped = |text: &str| {
        let address: SocketAddr = text.parse().unwrap();
        let v4: Ipv4Addr = address.ip().to_string().parse().unwrap();
        SocketAddr::new(v4.to_ipv6_mapped().into(), address.port()).to_string()
    };
    let proxys = Delivered { family: AF_INET, id: id(CLIENT, APPLICATION) };
    let applications = Delivered { family: AF_INET6, id: id(&mapped(APPLICATION), &mapped(CLIENT)) };
    assert_eq!(proxys.connection(), applications.connection());
    assert_eq!(applications.local(), APPLICATION.parse().unwrap());
    let other = Delivered { family: AF_INET, id: id("10.1.0.7:40001", APPLICATION) };
    assert_ne!(proxys.connection(), other.connection());
}
