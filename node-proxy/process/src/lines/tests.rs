use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::*;

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reports the start of a write and blocks in it until released.
struct Stalled {
    begun: SyncSender<()>,
    go_on: Receiver<()>,
}

impl Write for Stalled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.begun.send(());
        let _ = self.go_on.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Broken;

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn every_line_arrives_whole_and_in_order() {
    let sink = Sink::default();
    let (lines, flush) = start("test", sink.clone(), 1 << 20).unwrap();
    let expected: String = (0..5000).map(|n| format!("line {n}\n")).collect();
    for line in expected.lines() {
        lines.push(format!("{line}\n").into_bytes());
    }
    drop(flush);
    assert_eq!(String::from_utf8(sink.0.lock().unwrap().clone()).unwrap(), expected);
    assert_eq!(lines.dropped(), 0);
}

#[test]
fn a_full_queue_drops_and_counts_and_recovers() {
    let (begun, has_begun) = sync_channel(1);
    let (release, go_on) = sync_channel::<()>(1);
    let (lines, flush) = start("test", Stalled { begun, go_on }, 1000).unwrap();
    lines.push(vec![b'x'; 100]);
    has_begun.recv().unwrap();
    // 1000 bytes hold six lines of 100 bytes with their overhead.
    for _ in 0..10 {
        lines.push(vec![b'x'; 100]);
    }
    assert_eq!(lines.dropped(), 4);
    drop(release);
    has_begun.recv().unwrap();
    lines.push(vec![b'x'; 100]);
    drop(flush);
    assert_eq!(lines.dropped(), 4);
}

#[test]
fn what_the_sink_refuses_is_counted() {
    let (lines, flush) = start("test", Broken, 1000).unwrap();
    lines.push(b"one\n".to_vec());
    lines.push(b"two\n".to_vec());
    drop(flush);
    assert_eq!(lines.dropped(), 2);
}

#[test]
fn lines_after_the_end_are_counted() {
    let (lines, flush) = start("test", io::sink(), 1000).unwrap();
    drop(flush);
    lines.push(b"late\n".to_vec());
    assert_eq!(lines.dropped(), 1);
}

#[test]
fn a_reader_that_has_stopped_does_not_keep_the_process() {
    let (begun, has_begun) = sync_channel(1);
    let (_never, go_on) = sync_channel(0);
    let (lines, flush) = start("test", Stalled { begun, go_on }, 1 << 20).unwrap();
    lines.push(b"a line\n".to_vec());
    has_begun.recv().unwrap();
    drop(flush);
}
