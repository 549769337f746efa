//! Serves queries over TCP (RFC 7766): length-prefixed, pipelined, answered in any order.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_stream::StreamExt;
use tokio_util::codec::{FramedRead, LengthDelimitedCodec};

use crate::Task;
use crate::answer::{Decision, Transport};
use crate::message;
use crate::resolver::{FORWARD_TIMEOUT, Lookup, Resolver};

/// Idle time after which a connection is closed.
const IDLE: Duration = Duration::from_secs(5);
/// The same once connections must end: enough to answer the queries that have come or come at once.
const STOPPING_IDLE: Duration = Duration::from_millis(250);
/// Forwarded queries of a connection that may wait for an answer. Beyond them it reads no more.
const WAITING: usize = 64;
/// Pause before accepting again after an error.
const PAUSE: Duration = Duration::from_millis(100);

/// The sockets of one listener.
pub trait TcpSockets {
    /// Accepts a connection and returns the server that the client dialled. Cancel-safe.
    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>>;

    /// Connects from the Pod to `server`, uncaptured.
    fn dial(&self, server: SocketAddr) -> impl Future<Output = io::Result<TcpStream>>;

    /// Returns when idle connections must end. Cancel-safe.
    fn stopping(&self) -> impl Future<Output = ()>;
}

/// Accepts connections of one Pod's listener until dropped, and passes each to `spawn`.
pub async fn serve<S, N>(sockets: Rc<S>, resolver: Rc<Resolver<N>>, spawn: impl Fn(Task)) -> Infallible
where
    S: TcpSockets + 'static,
    N: Lookup + 'static,
{
    loop {
        // The semaphore is never closed.
        let slot = resolver.connections.clone().acquire_owned().await;
        let (client, server) = match sockets.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "cannot accept a DNS connection");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (sockets, resolver) = (Rc::clone(&sockets), Rc::clone(&resolver));
        spawn(Box::pin(async move {
            let conversation = Conversation::new(&*sockets, &resolver, client, server);
            if let Err(error) = conversation.run().await {
                tracing::debug!(%error, %server, "a DNS connection broke");
            }
            drop(slot);
        }));
    }
}

/// One client's connection, and after the first forwarded query one to the server.
struct Conversation<'a, S, N> {
    sockets: &'a S,
    resolver: &'a Resolver<N>,
    server: SocketAddr,
    /// `None` once the client has finished.
    queries: Option<Messages>,
    is_stopping: bool,
    client: OwnedWriteHalf,
    upstream: Option<Upstream>,
    waiting: VecDeque<Waiting>,
}

type Messages = FramedRead<OwnedReadHalf, LengthDelimitedCodec>;

struct Upstream {
    answers: Messages,
    queries: OwnedWriteHalf,
    has_answered: bool,
}

/// A query that was forwarded.
struct Waiting {
    query: Vec<u8>,
    since: Instant,
}

enum Event {
    Query(BytesMut),
    ClientFinished,
    Stopping,
    Answer(BytesMut),
    /// The server's connection ended or broke.
    ServerFinished,
    ServerLate,
    Idle,
}

impl<'a, S: TcpSockets, N: Lookup> Conversation<'a, S, N> {
    fn new(sockets: &'a S, resolver: &'a Resolver<N>, client: TcpStream, server: SocketAddr) -> Self {
        let (read, write) = client.into_split();
        Self {
            sockets,
            resolver,
            server,
            queries: Some(messages(read)),
            is_stopping: false,
            client: write,
            upstream: None,
            waiting: VecDeque::new(),
        }
    }

    /// Runs until the client has finished and all queries are answered, or the connection is idle.
    async fn run(mut self) -> io::Result<()> {
        while self.queries.is_some() || !self.waiting.is_empty() {
            match self.event().await? {
                Event::Query(query) => self.query(&query).await?,
                Event::ClientFinished => self.queries = None,
                Event::Stopping => self.is_stopping = true,
                Event::Answer(answer) => self.answer(&answer).await?,
                Event::ServerFinished => self.ask_again().await?,
                Event::ServerLate => self.fail_waiting().await?,
                Event::Idle => break,
            }
        }
        self.client.shutdown().await
    }

    async fn event(&mut self) -> io::Result<Event> {
        // The first one waits longest.
        let (end, at_end) = match self.waiting.front() {
            Some(waiting) => (waiting.since + FORWARD_TIMEOUT, Event::ServerLate),
            None => (Instant::now() + if self.is_stopping { STOPPING_IDLE } else { IDLE }, Event::Idle),
        };
        let has_room = self.waiting.len() < WAITING;
        tokio::select! {
            query = next(self.queries.as_mut()), if has_room => Ok(match query? {
                Some(query) => Event::Query(query),
                None => Event::ClientFinished,
            }),
            () = self.sockets.stopping(), if !self.is_stopping => Ok(Event::Stopping),
            // Whether the server ended or broke the connection, waiting queries get no answer on it.
            answer = next(self.upstream.as_mut().map(|upstream| &mut upstream.answers)) => {
                Ok(answer.ok().flatten().map_or(Event::ServerFinished, Event::Answer))
            }
            () = sleep_until(end) => Ok(at_end),
        }
    }

    async fn query(&mut self, query: &[u8]) -> io::Result<()> {
        match self.resolver.decide(query, Transport::Tcp) {
            Decision::Answer(answer) | Decision::Malformed(answer) => send(&mut self.client, &answer).await,
            Decision::Ignore => Ok(()),
            Decision::Forward => self.forward(query).await,
        }
    }

    async fn forward(&mut self, query: &[u8]) -> io::Result<()> {
        self.waiting.push_back(Waiting { query: query.to_vec(), since: Instant::now() });
        match self.send_upstream(query).await {
            Ok(()) => Ok(()),
            Err(error) => {
                tracing::debug!(%error, server = %self.server, "a DNS query cannot be forwarded");
                self.ask_again().await
            }
        }
    }

    /// Sends waiting queries again on a new connection, if the old one ever worked: a server may close an idle
    /// connection just as a query is on its way (RFC 7766 section 6.2.4). Only questions: anything else may have been
    /// carried out.
    async fn ask_again(&mut self) -> io::Result<()> {
        let has_worked = self.upstream.take().is_some_and(|upstream| upstream.has_answered);
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let (again, rest) = waiting.partition(|waiting| has_worked && message::is_question(&waiting.query));
        self.waiting = rest;
        self.fail_waiting().await?;
        self.waiting = again;
        let Some(first) = self.waiting.front() else { return Ok(()) };
        let end = first.since + FORWARD_TIMEOUT;
        match timeout_at(end, self.send_waiting()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => self.fail_waiting().await,
        }
    }

    async fn send_waiting(&mut self) -> io::Result<()> {
        let queries: Vec<_> = self.waiting.iter().map(|waiting| waiting.query.clone()).collect();
        for query in queries {
            self.send_upstream(&query).await?;
        }
        Ok(())
    }

    async fn send_upstream(&mut self, query: &[u8]) -> io::Result<()> {
        if self.upstream.is_none() {
            let (read, write) = within(FORWARD_TIMEOUT, self.sockets.dial(self.server)).await?.into_split();
            self.upstream = Some(Upstream { answers: messages(read), queries: write, has_answered: false });
        }
        match &mut self.upstream {
            Some(upstream) => send(&mut upstream.queries, query).await,
            None => Ok(()),
        }
    }

    /// Passes an answer on. A zone transfer sends several with one id: the first ends the wait.
    async fn answer(&mut self, answer: &[u8]) -> io::Result<()> {
        let id = message::id(answer);
        if let Some(position) = self.waiting.iter().position(|waiting| message::id(&waiting.query) == id) {
            self.waiting.remove(position);
            if let Some(upstream) = &mut self.upstream {
                upstream.has_answered = true;
            }
        }
        send(&mut self.client, answer).await
    }

    /// Answers SERVFAIL to all waiting queries. The next query dials again.
    async fn fail_waiting(&mut self) -> io::Result<()> {
        self.upstream = None;
        for waiting in std::mem::take(&mut self.waiting) {
            self.resolver.counters.failed.add_one();
            // Forwarded queries are long enough for an answer.
            let failure = message::server_failure(&waiting.query).unwrap_or_default();
            send(&mut self.client, &failure).await?;
        }
        Ok(())
    }
}

fn messages(stream: OwnedReadHalf) -> Messages {
    let codec = LengthDelimitedCodec::builder().length_field_type::<u16>().new_codec();
    FramedRead::new(stream, codec)
}

/// The next message; pending where there is no stream. Cancel-safe.
async fn next(messages: Option<&mut Messages>) -> io::Result<Option<BytesMut>> {
    match messages {
        Some(messages) => messages.next().await.transpose(),
        None => std::future::pending().await,
    }
}

/// Writes a message with its length prefix in one piece.
async fn send(stream: &mut OwnedWriteHalf, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    let mut framed = Vec::with_capacity(2 + message.len());
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(message);
    within(IDLE, stream.write_all(&framed)).await
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests;
