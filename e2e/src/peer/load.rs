//! Load generators; each runs for a bounded time and gives figures.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::peer::latency::{Percentiles, percentiles};

/// How long a connection may take to be made, or to prove itself.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a load generator found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Bytes, round trips or connections.
    pub units: u64,
    /// Seconds from the first to the last.
    pub seconds: f64,
    /// Connections that failed.
    pub errors: u64,
    /// What was wrong with the first of them, and how many seconds after the beginning.
    pub first_error: Option<String>,
    /// Where round trips were timed.
    pub latency: Option<Percentiles>,
}

/// Sends on `connections` connections for `time`; units are bytes.
///
/// # Errors
/// When a connection cannot be made.
pub async fn send(to: SocketAddr, connections: usize, time: Duration) -> io::Result<Figures> {
    transfer(to, connections, time, |mut stream, until| async move {
        let buffer = vec![0; 128 * 1024];
        let mut bytes = 0;
        while Instant::now() < until {
            bytes += stream.write(&buffer).await? as u64;
        }
        stream.shutdown().await?;
        // The server closes once it has read everything: what is counted has arrived.
        let answered = stream.read(&mut [0]).await?;
        if answered == 0 { Ok(bytes) } else { Err(io::Error::other("the sink answered")) }
    })
    .await
}

/// Receives on `connections` connections for `time`; units are bytes.
///
/// # Errors
/// When a connection cannot be made.
pub async fn receive(to: SocketAddr, connections: usize, time: Duration) -> io::Result<Figures> {
    transfer(to, connections, time, |mut stream, until| async move {
        let mut buffer = vec![0; 256 * 1024];
        let mut bytes = 0;
        while Instant::now() < until {
            match stream.read(&mut buffer).await? {
                0 => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the source has ended")),
                read => bytes += read as u64,
            }
        }
        Ok(bytes)
    })
    .await
}

async fn transfer<W, F>(to: SocketAddr, connections: usize, time: Duration, work: W) -> io::Result<Figures>
where
    W: Fn(TcpStream, Instant) -> F,
    F: Future<Output = io::Result<u64>> + Send + 'static,
{
    let mut streams = Vec::new();
    for _ in 0..connections {
        streams.push(connect(to).await?);
    }
    let started = Instant::now();
    let tasks: Vec<_> =
        streams.into_iter().map(|stream| tokio::spawn(work(stream, started + time))).collect();
    let mut units = 0;
    for task in tasks {
        units += task.await.map_err(io::Error::other)??;
    }
    Ok(Figures {
        units,
        seconds: started.elapsed().as_secs_f64(),
        errors: 0,
        first_error: None,
        latency: None,
    })
}

/// Sends `size` bytes and waits for them to come back, again and again; units are round trips.
///
/// # Errors
/// When a connection cannot be made or breaks.
pub async fn pingpong(
    to: SocketAddr,
    connections: usize,
    size: usize,
    time: Duration,
) -> io::Result<Figures> {
    let mut streams = Vec::new();
    for _ in 0..connections {
        let mut stream = connect(to).await?;
        round_trip(&mut stream, &mut vec![0; size]).await?;
        streams.push(stream);
    }
    let started = Instant::now();
    let until = started + time;
    let tasks: Vec<_> = streams.into_iter().map(|stream| tokio::spawn(ping(stream, size, until))).collect();
    let mut samples = Vec::new();
    for task in tasks {
        samples.extend(task.await.map_err(io::Error::other)??);
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok(Figures {
        units: samples.len() as u64,
        seconds,
        errors: 0,
        first_error: None,
        latency: Some(percentiles(samples)),
    })
}

async fn ping(mut stream: TcpStream, size: usize, until: Instant) -> io::Result<Vec<u64>> {
    let mut buffer = vec![0; size];
    let mut samples = Vec::new();
    while Instant::now() < until {
        let sent = Instant::now();
        round_trip(&mut stream, &mut buffer).await?;
        samples.push(u64::try_from(sent.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    Ok(samples)
}

async fn round_trip(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    stream.write_all(buffer).await?;
    stream.read_exact(buffer).await.map(|_| ())
}

/// Connects, sends one byte, waits for it to come back and closes, on `clients` at a time; units are connections.
///
/// # Errors
/// When a client cannot be started.
pub async fn churn(to: SocketAddr, clients: usize, time: Duration, most: u64) -> io::Result<Figures> {
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    let each = most.div_ceil(clients.max(1) as u64);
    for _ in 0..clients {
        tasks.spawn(churn_one(to, started + time, each));
    }
    let mut samples = Vec::new();
    let mut failures = Vec::new();
    while let Some(result) = tasks.join_next().await {
        let (of_one, failed) = result.map_err(io::Error::other)?;
        samples.extend(of_one);
        failures.extend(failed);
    }
    let first = failures.iter().min_by_key(|failure| failure.begun);
    let first_error = first.map(|Failure { begun, error }| {
        format!("{error}, begun after {:.3} s", begun.duration_since(started).as_secs_f64())
    });
    let (seconds, errors) = (started.elapsed().as_secs_f64(), failures.len() as u64);
    let units = samples.len() as u64;
    Ok(Figures { units, seconds, errors, first_error, latency: Some(percentiles(samples)) })
}

/// A connection that failed.
struct Failure {
    begun: Instant,
    error: io::Error,
}

async fn churn_one(to: SocketAddr, until: Instant, most: u64) -> (Vec<u64>, Vec<Failure>) {
    let (mut samples, mut failures) = (Vec::new(), Vec::new());
    while Instant::now() < until && ((samples.len() + failures.len()) as u64) < most {
        let begun = Instant::now();
        match one_byte(to).await {
            Ok(()) => samples.push(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX)),
            Err(error) => failures.push(Failure { begun, error }),
        }
    }
    (samples, failures)
}

async fn one_byte(to: SocketAddr) -> io::Result<()> {
    let mut stream = connect(to).await?;
    round_trip(&mut stream, &mut [7]).await
}

/// Opens `connections` connections, each proven by one byte, and gives them to hold.
///
/// # Errors
/// When one cannot be made.
pub async fn idle(to: SocketAddr, connections: usize) -> io::Result<Vec<TcpStream>> {
    let mut streams = Vec::with_capacity(connections);
    for _ in 0..connections {
        let mut stream = connect(to).await?;
        tokio::time::timeout(PATIENCE, round_trip(&mut stream, &mut [7])).await??;
        streams.push(stream);
    }
    Ok(streams)
}

async fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = tokio::time::timeout(PATIENCE, TcpStream::connect(to)).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}
