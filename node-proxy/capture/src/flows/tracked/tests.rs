use super::*;

fn tuple(protocol: Protocol, source: &str, destination: &str) -> Vec<Tuple> {
    let (source, destination): (SocketAddr, SocketAddr) =
        (source.parse().unwrap(), destination.parse().unwrap());
    vec![
        Tuple::Ip(vec![IPTuple::SourceAddress(source.ip()), IPTuple::DestinationAddress(destination.ip())]),
        Tuple::Proto(vec![
            ProtoTuple::Protocol(protocol),
            ProtoTuple::SourcePort(source.port()),
            ProtoTuple::DestinationPort(destination.port()),
        ]),
    ]
}

fn entry(protocol: Protocol, status: Status, proxy: &str) -> Vec<ConntrackAttribute> {
    vec![
        ConntrackAttribute::CtaTupleOrig(tuple(protocol, "10.0.0.2:40000", "10.0.0.9:80")),
        ConntrackAttribute::CtaTupleReply(tuple(protocol, proxy, "10.0.0.2:40000")),
        ConntrackAttribute::CtaStatus(status),
        ConntrackAttribute::CtaMark(1),
    ]
}

#[test]
fn a_redirected_connection_is_read_from_both_ends() {
    let flow =
        captured_of(&entry(Protocol::Tcp, Status::DstNat | Status::Assured, "127.0.0.1:15001")).unwrap();
    assert_eq!(flow.dialler, "10.0.0.2:40000".parse().unwrap());
    assert_eq!(flow.destination, "10.0.0.9:80".parse().unwrap());
    assert_eq!(flow.proxy, "127.0.0.1:15001".parse().unwrap());
    assert_eq!(flow.translated, "10.0.0.2:40000".parse().unwrap());
}

#[test]
fn a_connection_has_ended_when_both_ends_have_finished_or_one_has_reset_it() {
    let with = |state| {
        let mut attributes = entry(Protocol::Tcp, Status::DstNat, "127.0.0.1:15001");
        attributes.push(ConntrackAttribute::CtaProtoInfo(vec![ProtoInfo::TCP(vec![
            ProtoInfoTCP::OriginalWindowScale(7),
            ProtoInfoTCP::State(state),
        ])]));
        captured_of(&attributes).unwrap().has_ended
    };
    let (established, fin_wait, close_wait, last_ack, time_wait, close) = (3, 4, 5, 6, 7, 8);
    assert_eq!([established, fin_wait, close_wait, last_ack].map(with), [false; 4]);
    assert_eq!([time_wait, close].map(with), [true; 2]);
    assert!(!captured_of(&entry(Protocol::Tcp, Status::DstNat, "127.0.0.1:15001")).unwrap().has_ended);
}

#[test]
fn others_are_left_alone() {
    let cases = [
        ("not redirected", entry(Protocol::Tcp, Status::Assured, "127.0.0.1:15001")),
        ("not TCP", entry(Protocol::Udp, Status::DstNat, "127.0.0.1:15053")),
        ("not to us", entry(Protocol::Tcp, Status::DstNat, "127.0.0.1:8080")),
        ("without a status", entry(Protocol::Tcp, Status::DstNat, "127.0.0.1:15001")[..2].to_vec()),
        ("without a reply", entry(Protocol::Tcp, Status::DstNat, "127.0.0.1:15001")[2..].to_vec()),
        ("nothing", Vec::new()),
    ];
    for (what, attributes) in cases {
        assert_eq!(captured_of(&attributes), None, "{what}");
    }
}

fn in_state(state: u8, status: Status, answers_from: &str) -> Vec<ConntrackAttribute> {
    let mut attributes = entry(Protocol::Tcp, status, answers_from);
    attributes.push(ConntrackAttribute::CtaProtoInfo(vec![ProtoInfo::TCP(vec![ProtoInfoTCP::State(state)])]));
    attributes
}

#[test]
fn without_an_answer_are_connections_of_which_only_syns_were_seen_and_that_are_not_captured() {
    let (server, proxy, container) = ("10.0.0.9:80", "127.0.0.1:15001", "172.17.0.2:8080");
    let table = [
        ("dialled past the mesh", in_state(1, Status::Confirmed, server), true),
        ("translated by others", in_state(1, Status::Confirmed | Status::DstNat, container), true),
        ("captured", in_state(1, Status::Confirmed | Status::DstNat, proxy), false),
        ("answered", in_state(1, Status::Confirmed | Status::SeenReply, server), false),
        ("open, seen from its middle", in_state(3, Status::Confirmed, server), false),
        ("not TCP", entry(Protocol::Udp, Status::Confirmed, server), false),
    ];
    for (what, attributes, wanted) in table {
        assert_eq!(unanswered_of(&attributes).is_some(), wanted, "{what}");
    }
    let found = unanswered_of(&in_state(1, Status::Confirmed, server)).unwrap();
    assert_eq!(found.source, "10.0.0.2:40000".parse().unwrap());
    assert_eq!(found.destination, "10.0.0.9:80".parse().unwrap());
}
