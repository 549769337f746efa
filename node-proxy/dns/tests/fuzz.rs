//! Queries from hostile clients. A target first gets the files of its folder below `__fuzz__`, if any, then random
//! input.

#![allow(clippy::expect_used, reason = "what is expected is what is tested")]

use hickory_proto::op::{Message, MessageType};
use karez_dns::{Decision, Transport, answer, message};
use karez_mesh::names::{Addressing, Resolution};

/// A query for `a. A`, cut before its counts' last byte.
const HEAD: &[u8] = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00";

/// The mesh owns every name.
fn resolve(host: &str) -> Option<Resolution> {
    Some(Resolution {
        v4: (0..host.len()).map(|n| [10, 0, 0, n as u8].into()).collect(),
        v6: vec![std::net::Ipv6Addr::LOCALHOST],
        canonical: host.len().is_multiple_of(2).then(|| host.trim_end_matches('.').to_owned()),
        addressing: Addressing::Endpoints,
    })
}

fn check(query: &[u8]) {
    for transport in [Transport::Udp, Transport::Tcp] {
        match answer(query, resolve, transport, 1) {
            Decision::Answer(reply) | Decision::Malformed(reply) => sound(query, &reply, transport),
            Decision::Forward => {
                let failure = message::server_failure(query).expect("what is forwarded can be refused");
                sound(query, &failure, transport);
            }
            Decision::Ignore => {}
        }
    }
}

fn sound(query: &[u8], reply: &[u8], transport: Transport) {
    assert_eq!(message::id(query), message::id(reply));
    assert!(transport == Transport::Tcp || reply.len() <= 4096 || reply.len() <= query.len());
    let reply = Message::from_vec(reply).expect("a reply can be read");
    assert_eq!(reply.metadata.message_type, MessageType::Response);
}

#[test]
fn any_bytes() {
    bolero::check!().for_each(check);
}

#[test]
fn any_end_of_a_query() {
    bolero::check!().with_type::<Vec<u8>>().for_each(|end| check(&[HEAD, end].concat()));
}
