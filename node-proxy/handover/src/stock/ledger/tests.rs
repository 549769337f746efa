use std::sync::Arc;

use super::*;
use crate::pod::tests::reference;

fn order(count: usize) -> Order {
    Order { pod: reference("web", 1), kind: Kind::Outbound, family: Family::V4, count }
}

fn sent(ledger: &mut Ledger<&'static str>) -> Option<SocketRequest> {
    ledger.next_packet().map(|packet| SocketRequest::decode(&packet.bytes, 0).unwrap())
}

fn reply(id: u64, refusal: Option<Refusal>, sockets: usize) -> Packet {
    let socket = || Arc::new(std::io::pipe().unwrap().0.into());
    let descriptors = std::iter::repeat_with(socket).take(sockets).collect();
    Packet { bytes: SocketReply { id, refusal }.encode(), descriptors }
}

#[test]
fn each_answer_finds_who_waits_for_it() {
    let mut ledger = Ledger::new();
    ledger.place(order(2), "first");
    ledger.place(order(1), "second");
    let (first, second) = (sent(&mut ledger).unwrap(), sent(&mut ledger).unwrap());
    assert_eq!((first.count, second.count, sent(&mut ledger)), (2, 1, None));

    assert_eq!(ledger.answered(&reply(second.id, None, 1)), Ok(Some(("second", Ok(())))));
    let refused = reply(first.id, Some(Refusal::NotEnrolled), 0);
    assert_eq!(ledger.answered(&refused), Ok(Some(("first", Err(Refusal::NotEnrolled)))));
    assert!(ledger.is_empty());
}

#[test]
fn an_answer_that_nobody_waits_for_is_no_error() {
    let mut ledger: Ledger<&str> = Ledger::new();
    assert_eq!(ledger.answered(&reply(7, None, 3)), Ok(None));
}

#[test]
fn another_number_of_sockets_is_an_error() {
    let cases = [(None, 1), (None, 3), (None, 0), (Some(Refusal::NotEnrolled), 2)];
    for (refusal, found) in cases {
        let mut ledger = Ledger::new();
        ledger.place(order(2), "waiter");
        let id = sent(&mut ledger).unwrap().id;
        let asked = if refusal.is_some() { 0 } else { 2 };
        assert_eq!(ledger.answered(&reply(id, refusal, found)), Err(BadReply::Count { asked, found }));
        assert!(!ledger.is_empty(), "it waits for a proper answer");
    }
}

#[test]
fn what_was_not_answered_is_sent_again() {
    let mut ledger = Ledger::new();
    ledger.place(order(1), "answered");
    ledger.place(order(2), "sent");
    ledger.place(order(3), "unsent");
    let answered = sent(&mut ledger).unwrap();
    sent(&mut ledger);
    ledger.answered(&reply(answered.id, None, 1)).unwrap();

    ledger.disconnected();
    let again = [sent(&mut ledger), sent(&mut ledger), sent(&mut ledger)];
    assert_eq!(again.map(|request| request.map(|request| request.count)), [Some(2), Some(3), None]);
}

#[test]
fn whoever_has_gone_is_forgotten() {
    let mut ledger = Ledger::new();
    ledger.place(order(1), "gone");
    ledger.place(order(2), "here");
    ledger.forget(|waiter| *waiter == "gone");
    assert_eq!(sent(&mut ledger).map(|request| request.count), Some(2));
    assert_eq!(sent(&mut ledger), None);
}

#[test]
fn it_is_bounded() {
    let mut ledger = Ledger::new();
    for _ in 0..MOST_REQUESTS {
        assert!(ledger.has_room());
        ledger.place(order(1), "waiter");
    }
    assert!(!ledger.has_room());
}
