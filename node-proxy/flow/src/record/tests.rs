use std::sync::Arc;

use karez_api::outcome::{ConnectError, Failure};

use super::*;
use crate::access_log::AccessLog;
use crate::endpoint::Direction;
use crate::series::{Register, Totals};

fn only(register: &Register) -> Totals {
    let totals = register.totals();
    assert_eq!(totals.len(), 1);
    totals[0].1.clone()
}

#[test]
fn counts_while_it_lives() {
    let register = Register::new(10);
    let worker = Worker::new(Arc::clone(&register), AccessLog::off());
    let address = "10.0.0.2:80".parse().unwrap();
    let mut record = worker.open(Flow::unknown(Direction::Outbound, address, address));
    assert!(register.totals().is_empty());
    let moved = Moved { sent: 11, received: 200 };
    record.established(move || moved);
    record.established(Moved::default);
    let expected = Totals { opened: 1, moved, ..Totals::default() };
    assert_eq!(only(&register), expected);
    record.finish(Outcome::Done);
    assert_eq!(only(&register), Totals { closed: 1, ..expected });
}

#[test]
fn one_that_was_never_established_counts_as_opened_closed_and_failed() {
    let register = Register::new(10);
    let worker = Worker::new(Arc::clone(&register), AccessLog::off());
    let address = "10.0.0.2:80".parse().unwrap();
    let record = worker.open(Flow::unknown(Direction::Inbound, address, address));
    record.finish(Failure::Connect { to: address, reason: ConnectError::TimedOut });
    let totals = only(&register);
    assert_eq!((totals.opened, totals.closed), (1, 1));
    assert_eq!(totals.failed.into_iter().collect::<Vec<_>>(), [("CONNECT", 1)]);
}

#[test]
fn one_that_is_dropped_was_closed_by_the_drain() {
    let register = Register::new(10);
    let worker = Worker::new(Arc::clone(&register), AccessLog::off());
    let address = "10.0.0.2:80".parse().unwrap();
    let mut record = worker.open(Flow::unknown(Direction::Inbound, address, address));
    record.established(Moved::default);
    drop(record);
    let totals = only(&register);
    assert_eq!((totals.opened, totals.closed), (1, 1));
    assert_eq!(totals.failed.into_iter().collect::<Vec<_>>(), [("CLOSING", 1)]);
}
