use super::*;

fn refused(port: u16) -> Outcome {
    Failure::Connect { to: ([10, 0, 0, 1], port).into(), reason: ConnectError::Refused }.into()
}

#[test]
fn only_a_refused_tunnel_is_waited_for() {
    let timed_out = Failure::Connect { to: ([10, 0, 0, 1], 15008).into(), reason: ConnectError::TimedOut };
    for (outcome, waits) in [
        (refused(15008), true),
        (refused(8080), false),
        (timed_out.into(), false),
        (Failure::ConnectAnswer { peer: ([10, 0, 0, 1], 15008).into(), status: 503 }.into(), false),
        (Outcome::Done, false),
    ] {
        let mut wait = CaptureWait::default();
        wait.note(&outcome, Instant::now());
        assert_eq!(wait.pause(Instant::now(), 0).is_some(), waits, "{outcome}");
    }
}

#[test]
fn each_round_has_to_be_refused() {
    let (mut wait, now) = (CaptureWait::default(), Instant::now());
    wait.note(&refused(15008), now);
    assert!(wait.pause(now, 0).is_some());
    wait.note(&refused(8080), now);
    assert_eq!(wait.pause(now, 0), None);
}

#[test]
fn it_ends() {
    let (mut wait, begin) = (CaptureWait::default(), Instant::now());
    let (mut now, mut rounds) = (begin, 0);
    wait.note(&refused(15008), now);
    while let Some(pause) = wait.pause(now, u64::MAX) {
        now += pause;
        rounds += 1;
        wait.note(&refused(15008), now);
    }
    assert_eq!(now - begin, LIMIT);
    assert!((10..30).contains(&rounds), "{rounds}");
}
