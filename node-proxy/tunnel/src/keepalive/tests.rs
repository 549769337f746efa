use super::*;

const RULE: Keepalive = Keepalive { after: Duration::from_secs(10), timeout: Duration::from_secs(20) };

#[tokio::test(start_paused = true)]
async fn decides_by_when_the_peer_was_heard() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    // now, last heard, PING sent -> next step
    let table = [
        (0, 0, None, Next::Wait(at(10))),
        (9, 0, None, Next::Wait(at(10))),
        (10, 0, None, Next::Ping),
        (10, 5, None, Next::Wait(at(15))),
        (11, 0, Some(10), Next::Wait(at(30))),
        (29, 0, Some(10), Next::Wait(at(30))),
        (30, 0, Some(10), Next::GiveUp),
        // Bytes arrive, while the answer waits behind them.
        (30, 25, Some(10), Next::Wait(at(45))),
        (45, 25, Some(10), Next::GiveUp),
        // A probe of a connection that was idle for an hour.
        (3_600, 0, Some(3_600), Next::Wait(at(3_620))),
    ];
    for (now, heard, sent, expected) in table {
        assert_eq!(RULE.next(at(now), at(heard), sent.map(at)), expected, "{now} {heard} {sent:?}");
    }
}
