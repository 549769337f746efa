use nix::sys::signal::{Signal as Number, raise};

use super::*;
use crate::drain;

#[tokio::test]
async fn the_first_drains_and_the_next_is_told_apart() {
    let (trigger, drain) = drain::new();
    let mut signals = Signals::catch().unwrap();
    raise(Number::SIGHUP).unwrap();
    raise(Number::SIGTERM).unwrap();
    signals.first_drains(&trigger, Duration::from_secs(10)).await;
    assert!(drain.is_draining());
    raise(Number::SIGINT).unwrap();
    assert_eq!(signals.received().await, Received::Interrupt);
}

#[test]
fn exit_codes_are_those_of_a_shell() {
    assert_eq!(Received::Terminate.exit_code(), 143);
    assert_eq!(Received::Interrupt.exit_code(), 130);
}
