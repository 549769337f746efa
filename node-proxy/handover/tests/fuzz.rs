//! All input from a socket is decoded without a panic, and decoded messages can be encoded again. Each target first
//! gets the files of its folder below `__fuzz__`, then random input.

use karez_handover::message::{AgentMessage, MOST_DESCRIPTORS, NodeMessage};
use karez_handover::stock::message::{SocketReply, SocketRequest};
use karez_handover::zds::message::{read_ack, read_hello};

/// The peer also chooses the number of descriptors.
fn split(input: &[u8]) -> (&[u8], usize) {
    let Some((first, rest)) = input.split_first() else { return (&[], 0) };
    (rest, usize::from(*first) % (MOST_DESCRIPTORS + 2))
}

#[test]
fn agent_messages() {
    bolero::check!().for_each(|input: &[u8]| {
        let (bytes, descriptors) = split(input);
        if let Ok(message) = AgentMessage::decode(bytes, descriptors) {
            assert_eq!(AgentMessage::decode(&message.encode(), descriptors), Ok(message));
        }
    });
}

#[test]
fn node_messages() {
    bolero::check!().for_each(|input: &[u8]| {
        let (bytes, descriptors) = split(input);
        if let Ok(message) = NodeMessage::decode(bytes, descriptors) {
            assert_eq!(NodeMessage::decode(&message.encode(), descriptors), Ok(message));
        }
    });
}

#[test]
fn stock_messages() {
    bolero::check!().for_each(|input: &[u8]| {
        let (bytes, descriptors) = split(input);
        if let Ok(request) = SocketRequest::decode(bytes, descriptors) {
            assert_eq!(SocketRequest::decode(&request.encode(), descriptors), Ok(request));
        }
        if let Ok(reply) = SocketReply::decode(bytes) {
            assert_eq!(SocketReply::decode(&reply.encode()), Ok(reply));
        }
    });
}

#[test]
fn zds_messages() {
    bolero::check!().for_each(|input: &[u8]| {
        let (bytes, descriptors) = split(input);
        // Decoding is enough: the agent never sends these.
        let _ = (read_hello(bytes, descriptors), read_ack(bytes, descriptors));
    });
}
