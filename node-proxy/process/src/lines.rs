//! A bounded queue and a thread between writers of lines and a slow reader.

use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;

/// How long a first line waits for more. It bounds how often the thread wakes.
const GATHER: Duration = Duration::from_millis(5);
/// Bytes at which a batch is written.
const BATCH: usize = 64 * 1024;
/// A queued line's cost besides its bytes.
const OVERHEAD: usize = 64;
/// How long the last lines may take: a stalled reader must not hold the process.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Accepts lines and never blocks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Lines {
    queue: Sender<Message>,
    counters: Arc<QueueCounters>,
}

/// Dropping it waits until the lines so far are written, at most 2 s. Later lines are dropped and counted.
#[must_use = "dropping it ends the writing"]
#[derive(Debug)]
pub struct Flush {
    queue: Sender<Message>,
    /// Disconnects when the thread ends.
    thread: Receiver<Infallible>,
}

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    End,
}

/// Waiting bytes, their limit, and the number of lost lines.
#[derive(Debug)]
struct QueueCounters {
    limit: usize,
    queued: AtomicUsize,
    dropped: AtomicU64,
}

/// Starts the thread `name`, which writes lines to `sink`. At most `limit` bytes may wait.
///
/// # Errors
/// When the system cannot start a thread.
pub fn start(name: &str, sink: impl Write + Send + 'static, limit: usize) -> io::Result<(Lines, Flush)> {
    let (queue, messages) = channel();
    let counters = Arc::new(QueueCounters { limit, queued: AtomicUsize::new(0), dropped: AtomicU64::new(0) });
    let writer = Writer { messages, sink, counters: Arc::clone(&counters), batch: Vec::new(), lines: 0 };
    let (running, thread) = channel();
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let _running = running;
        writer.run();
    })?;
    Ok((Lines { queue: queue.clone(), counters }, Flush { queue, thread }))
}

impl Lines {
    /// Queues a line, newline included. A full queue drops and counts it.
    pub fn push(&self, line: Vec<u8>) {
        let cost = line.len() + OVERHEAD;
        let before = self.counters.queued.fetch_add(cost, Ordering::Relaxed);
        let fits = before + cost <= self.counters.limit;
        if !fits || self.queue.send(Message::Line(line)).is_err() {
            self.counters.queued.fetch_sub(cost, Ordering::Relaxed);
            self.counters.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines lost so far: the queue was full, or the sink failed.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.counters.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        // If the thread is gone, there is nothing to wait for; its panic was reported when it happened.
        let _ = self.queue.send(Message::End);
        let _ = self.thread.recv_timeout(LAST_LINES);
    }
}

/// The thread's side.
struct Writer<W> {
    messages: Receiver<Message>,
    sink: W,
    counters: Arc<QueueCounters>,
    batch: Vec<u8>,
    lines: u64,
}

impl<W: Write> Writer<W> {
    fn run(mut self) {
        while let Ok(Message::Line(first)) = self.messages.recv() {
            self.take(&first);
            std::thread::sleep(GATHER);
            if self.drain().is_break() {
                return;
            }
        }
    }

    /// Writes all queued lines. Breaks at the end.
    fn drain(&mut self) -> std::ops::ControlFlow<()> {
        loop {
            match self.messages.try_recv() {
                Ok(Message::Line(line)) => {
                    self.take(&line);
                    if self.batch.len() >= BATCH {
                        self.write();
                    }
                }
                Ok(Message::End) | Err(TryRecvError::Disconnected) => {
                    self.write();
                    return std::ops::ControlFlow::Break(());
                }
                Err(TryRecvError::Empty) => {
                    self.write();
                    return std::ops::ControlFlow::Continue(());
                }
            }
        }
    }

    fn take(&mut self, line: &[u8]) {
        self.counters.queued.fetch_sub(line.len() + OVERHEAD, Ordering::Relaxed);
        self.batch.extend_from_slice(line);
        self.lines += 1;
    }

    fn write(&mut self) {
        let written = self.sink.write_all(&self.batch).and_then(|()| self.sink.flush());
        if written.is_err() {
            // The log itself fails, so nothing can report it. The count is a metric.
            self.counters.dropped.fetch_add(self.lines, Ordering::Relaxed);
        }
        self.lines = 0;
        self.batch.clear();
        self.batch.shrink_to(BATCH);
    }
}

#[cfg(test)]
mod tests;
