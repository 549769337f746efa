use proptest::prelude::*;

use super::*;
use crate::pod::tests::{any_reference, reference};

fn any_request() -> impl Strategy<Value = SocketRequest> {
    let kinds = vec![Kind::Outbound, Kind::Application, Kind::DnsForward, Kind::DnsReply];
    (
        any::<u64>(),
        any_reference(),
        prop::sample::select(kinds),
        prop::sample::select(Family::ALL.to_vec()),
        0..=MOST_DESCRIPTORS,
    )
        .prop_map(|(id, pod, kind, family, count)| SocketRequest { id, pod, kind, family, count })
}

fn any_refusal() -> impl Strategy<Value = Option<Refusal>> {
    prop_oneof![
        Just(None),
        Just(Some(Refusal::NotEnrolled)),
        "\\PC{0,100}".prop_map(|reason| Some(Refusal::BadRequest(reason))),
        "\\PC{0,100}".prop_map(|reason| Some(Refusal::Failed(reason))),
    ]
}

proptest! {
    #[test]
    fn requests_survive_the_wire(request in any_request()) {
        prop_assert_eq!(SocketRequest::decode(&request.encode(), 0), Ok(request));
    }

    #[test]
    fn replies_survive_the_wire(id in any::<u64>(), refusal in any_refusal()) {
        let reply = SocketReply { id, refusal };
        prop_assert_eq!(SocketReply::decode(&reply.encode()), Ok(reply));
    }
}

#[test]
fn what_is_no_request() {
    let good = wire::SocketRequest {
        id: 1,
        pod: Some((&reference("web", 1)).into()),
        kind: wire::SocketKind::DialOutbound.into(),
        family: wire::Family::V4.into(),
        count: 1,
    };
    assert!(SocketRequest::decode(&good.encode_to_vec(), 0).is_ok());
    assert_eq!(
        SocketRequest::decode(&good.encode_to_vec(), 1),
        Err(Malformed::Descriptors { described: 0, found: 1 })
    );
    let too_many = wire::SocketRequest { count: 65, ..good.clone() };
    let no_kind = wire::SocketRequest { kind: 9, ..good.clone() };
    let no_family = wire::SocketRequest { family: 0, ..good };
    let cases = [
        (too_many, Malformed::TooLong { what: "the number of sockets", most: MOST_DESCRIPTORS }),
        (no_kind, Malformed::Number { what: "socket kind", number: 9 }),
        (no_family, Malformed::Number { what: "address family", number: 0 }),
    ];
    for (request, expected) in cases {
        assert_eq!(SocketRequest::decode(&request.encode_to_vec(), 0), Err(expected));
    }
}
