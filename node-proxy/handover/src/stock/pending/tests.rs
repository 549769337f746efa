use std::sync::Arc;

use super::*;
use crate::pod::tests::reference;

fn order(count: usize) -> Order {
    Order { pod: reference("web", 1), kind: Kind::Outbound, family: Family::V4, count }
}

fn sent(pending: &mut PendingRequests<&'static str>) -> Option<SocketRequest> {
    pending.next_packet().map(|packet| SocketRequest::decode(&packet.bytes, 0).unwrap())
}

fn reply(id: u64, refusal: Option<Refusal>, sockets: usize) -> Packet {
    let socket = || Arc::new(std::io::pipe().unwrap().0.into());
    let descriptors = std::iter::repeat_with(socket).take(sockets).collect();
    Packet { bytes: SocketReply { id, refusal }.encode(), descriptors }
}

#[test]
fn each_answer_finds_who_waits_for_it() {
    let mut pending = PendingRequests::new();
    pending.place(order(2), "first");
    pending.place(order(1), "second");
    let (first, second) = (sent(&mut pending).unwrap(), sent(&mut pending).unwrap());
    assert_eq!((first.count, second.count, sent(&mut pending)), (2, 1, None));

    assert_eq!(pending.answered(&reply(second.id, None, 1)), Ok(Some(("second", Ok(())))));
    let refused = reply(first.id, Some(Refusal::NotEnrolled), 0);
    assert_eq!(pending.answered(&refused), Ok(Some(("first", Err(Refusal::NotEnrolled)))));
    assert!(pending.is_empty());
}

#[test]
fn an_answer_that_nobody_waits_for_is_no_error() {
    let mut pending: PendingRequests<&str> = PendingRequests::new();
    assert_eq!(pending.answered(&reply(7, None, 3)), Ok(None));
}

#[test]
fn another_number_of_sockets_is_an_error() {
    let cases = [(None, 1), (None, 3), (None, 0), (Some(Refusal::NotEnrolled), 2)];
    for (refusal, found) in cases {
        let mut pending = PendingRequests::new();
        pending.place(order(2), "waiter");
        let id = sent(&mut pending).unwrap().id;
        let asked = if refusal.is_some() { 0 } else { 2 };
        assert_eq!(pending.answered(&reply(id, refusal, found)), Err(BadReply::Count { asked, found }));
        assert!(!pending.is_empty(), "it waits for a proper answer");
    }
}

#[test]
fn what_was_not_answered_is_sent_again() {
    let mut pending = PendingRequests::new();
    pending.place(order(1), "answered");
    pending.place(order(2), "sent");
    pending.place(order(3), "unsent");
    let answered = sent(&mut pending).unwrap();
    sent(&mut pending);
    pending.answered(&reply(answered.id, None, 1)).unwrap();

    pending.disconnected();
    let again = [sent(&mut pending), sent(&mut pending), sent(&mut pending)];
    assert_eq!(again.map(|request| request.map(|request| request.count)), [Some(2), Some(3), None]);
}

#[test]
fn whoever_has_gone_is_forgotten() {
    let mut pending = PendingRequests::new();
    pending.place(order(1), "gone");
    pending.place(order(2), "here");
    pending.forget(|waiter| *waiter == "gone");
    assert_eq!(sent(&mut pending).map(|request| request.count), Some(2));
    assert_eq!(sent(&mut pending), None);
}

#[test]
fn it_is_bounded() {
    let mut pending = PendingRequests::new();
    for _ in 0..MOST_REQUESTS {
        assert!(pending.has_room());
        pending.place(order(1), "waiter");
    }
    assert!(!pending.has_room());
}
