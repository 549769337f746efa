//! More than anybody needs, from a peer whose certificate is good.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use http::StatusCode;

use crate::frames::{self, Answer, CANCEL, Connection, ENHANCE_YOUR_CALM};
use crate::target::Target;

const LIMIT: Duration = Duration::from_secs(6);
const RESETS: usize = 5000;

#[test]
fn streams_that_are_reset_before_they_are_seen_end_the_connection() -> Result<()> {
    let mut target = Target::open("rapid-resets")?;
    target.beside_others(LIMIT, |target| {
        let mut connection = Connection::open(target.dial(15008)?, &target.mallory)?;
        let burst = burst(target, &mut connection, RESETS);
        // It may be ended before all is written, and the reset of what is unread may overtake the reason.
        let _ = connection.write(&burst);
        let code = connection.end()?;
        ensure!(code.is_none_or(|code| code == ENHANCE_YOUR_CALM), "it ended with {code:?}");

        let mut connection = Connection::open(target.dial(15008)?, &target.mallory)?;
        let burst = burst_in_one_record(target, &mut connection);
        connection.write(&burst)?;
        let code = connection.end()?;
        ensure!(code == Some(ENHANCE_YOUR_CALM), "it ended with {code:?}");
        Ok(())
    })
}

/// Streams that are opened and reset.
fn burst(target: &Target, connection: &mut Connection, streams: usize) -> Vec<u8> {
    let block = frames::connect(&target.at(8080));
    let mut burst = Vec::new();
    for _ in 0..streams {
        let stream = connection.new_stream();
        burst.extend(frames::frame(frames::HEADERS, frames::END_HEADERS, stream, &block));
        burst.extend(frames::reset(stream, CANCEL));
    }
    burst
}

/// All of it is read before the connection is ended, so that the reason arrives.
fn burst_in_one_record(target: &Target, connection: &mut Connection) -> Vec<u8> {
    const RECORD: usize = 16 << 10;
    let burst = burst(target, connection, 200);
    assert!(burst.len() <= RECORD);
    burst
}

#[test]
fn streams_that_are_reset_once_they_are_seen_leave_nothing_behind() -> Result<()> {
    let mut target = Target::open("patient-resets")?;
    target.beside_others(LIMIT, |target| {
        let mut connection = Connection::open(target.dial(15008)?, &target.mallory)?;
        let block = frames::connect(&target.at(8080));
        for number in 0..RESETS {
            let answer = connection.ask(&block).with_context(|| format!("request {number}"))?;
            ensure!(answer == Answer::Accepted, "request {number}: {answer:?}");
            let last = connection.last_stream();
            connection.write(&frames::reset(last, CANCEL))?;
        }
        Ok(())
    })
}

#[test]
fn answers_that_nobody_reads_do_not_pile_up() -> Result<()> {
    const FRAMES: usize = 400_000;
    let mut target = Target::open("unread-answers")?;
    target.beside_others(LIMIT, |target| {
        for frame in [frames::frame(frames::PING, 0, 0, &[0; 8]), frames::frame(frames::SETTINGS, 0, 0, &[])]
        {
            let tcp = target.dial(15008)?;
            tcp.set_write_timeout(Some(Duration::from_secs(1)))?;
            let mut connection = Connection::open(tcp, &target.mallory)?;
            // With the second that the last write may wait, both kinds of frames take two thirds of the limit.
            let until = Instant::now() + LIMIT / 6;
            // The node proxy may end the connection, read no more of it, or read it slowly.
            let _ = (0..FRAMES / 1000)
                .take_while(|_| Instant::now() < until)
                .try_for_each(|_| connection.write(&frame.repeat(1000)));
        }
        Ok(())
    })
}

#[test]
fn headers_without_end_are_refused() -> Result<()> {
    let mut target = Target::open("headers")?;
    target.beside_others(LIMIT, |target| {
        let mut tunnel = target.tunnel()?;
        let large = "x".repeat(70_000);
        let (status, _stream) = tunnel.connect(&target.at(8080), &[("large", &large)])?;
        ensure!(status == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "{status}");
        let (status, mut stream) = tunnel.connect(&target.at(8080), &[("small", "x")])?;
        ensure!(status == StatusCode::OK, "then a small one: {status}");
        stream.echoes("on the same tunnel")?;
        continuations(target)?;
        bomb(target)
    })
}

/// A header block that unpacks to a thousand times its size: one large field that HPACK's table remembers, again and again.
fn bomb(target: &Target) -> Result<()> {
    let mut connection = Connection::open(target.dial(15008)?, &target.mallory)?;
    let mut block = frames::connect(&target.at(8080));
    block.extend(frames::remembered_field("a", &"x".repeat(4000)));
    block.extend([frames::LAST_REMEMBERED; 10_000]);
    let answer = connection.ask(&block)?;
    let refused = matches!(answer, Answer::Other(_) | Answer::Reset(_) | Answer::GoAway(_));
    ensure!(refused, "40 MB of headers: {answer:?}");
    Ok(())
}

/// One header block in frame after frame (CVE-2024-27316).
fn continuations(target: &Target) -> Result<()> {
    const FRAME: usize = 16 << 10;
    const MOST: usize = 64 << 20;
    let mut connection = Connection::open(target.dial(15008)?, &target.mallory)?;
    let stream = connection.new_stream();
    connection.write(&frames::frame(frames::HEADERS, 0, stream, &frames::connect(&target.at(8080))))?;
    let piece = frames::field("more", &"x".repeat(FRAME - 16));
    let piece = frames::frame(frames::CONTINUATION, 0, stream, &piece);
    let taken = (0..MOST / FRAME).take_while(|_| connection.write(&piece).is_ok()).count();
    ensure!(taken < MOST / FRAME, "all of {MOST} bytes of headers were taken");
    Ok(())
}
