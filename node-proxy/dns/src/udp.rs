//! Serves queries over UDP.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::Task;
use crate::answer::{Decision, Transport};
use crate::message;
use crate::resolver::{FORWARD_TIMEOUT, Lookup, Resolver};

/// Stray messages of a server that are skipped: they must not hold the thread.
const STRAY: usize = 16;
/// Pause before receiving again after an error.
const PAUSE: Duration = Duration::from_millis(100);

/// A captured query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The message.
    pub bytes: Vec<u8>,
    /// The client's address.
    pub client: SocketAddr,
    /// The server that the client asked. The query goes there, and the answer seems to come from there.
    pub server: SocketAddr,
}

/// The sockets of one listener.
pub trait UdpSockets {
    /// Receives the next query. Cancel-safe.
    fn receive(&self) -> impl Future<Output = io::Result<Query>>;

    /// A socket of the Pod, uncaptured and connected to `server`, so that it receives from nobody else.
    fn upstream(&self, server: SocketAddr) -> impl Future<Output = io::Result<UdpSocket>>;

    /// Answers `client` with `server` as the source.
    fn reply(
        &self,
        server: SocketAddr,
        client: SocketAddr,
        answer: &[u8],
    ) -> impl Future<Output = io::Result<()>>;
}

/// Receives queries of one Pod's listener until dropped, and passes each to `spawn`.
pub async fn serve<S, N>(sockets: Rc<S>, resolver: Rc<Resolver<N>>, spawn: impl Fn(Task)) -> Infallible
where
    S: UdpSockets + 'static,
    N: Lookup + 'static,
{
    loop {
        let query = match sockets.receive().await {
            Ok(query) => query,
            Err(error) => {
                tracing::debug!(%error, "cannot receive a DNS query");
                // One overlong query says nothing about the next.
                if error.kind() != io::ErrorKind::InvalidData {
                    tokio::time::sleep(PAUSE).await;
                }
                continue;
            }
        };
        let decision = resolver.decide(&query.bytes, Transport::Udp);
        let Ok(permit) = resolver.room(&decision).try_acquire_owned() else {
            // The client asks again without an answer. A queue here would only grow old.
            resolver.counters.dropped.add_one();
            continue;
        };
        let (sockets, resolver) = (Rc::clone(&sockets), Rc::clone(&resolver));
        spawn(Box::pin(async move {
            serve_query(&*sockets, &resolver, &query, decision).await;
            drop(permit);
        }));
    }
}

async fn serve_query<S: UdpSockets, N: Lookup>(
    sockets: &S,
    resolver: &Resolver<N>,
    query: &Query,
    decision: Decision,
) {
    let answer = match decision {
        Decision::Answer(answer) | Decision::Malformed(answer) => Some(answer),
        Decision::Ignore => None,
        Decision::Forward => forwarded(sockets, resolver, query).await,
    };
    let Some(answer) = answer else { return };
    let sent = timeout(FORWARD_TIMEOUT, sockets.reply(query.server, query.client, &answer));
    if let Err(error) = sent.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        tracing::debug!(%error, client = %query.client, "cannot answer a DNS query");
    }
}

/// The server's answer, or SERVFAIL.
async fn forwarded<S: UdpSockets, N: Lookup>(
    sockets: &S,
    resolver: &Resolver<N>,
    query: &Query,
) -> Option<Vec<u8>> {
    let answered = timeout(FORWARD_TIMEOUT, forward(sockets, query));
    match answered.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(answer) => Some(answer),
        Err(error) => {
            resolver.counters.failed.add_one();
            tracing::debug!(%error, server = %query.server, "a DNS server does not answer");
            message::server_failure(&query.bytes)
        }
    }
}

async fn forward<S: UdpSockets>(sockets: &S, query: &Query) -> io::Result<Vec<u8>> {
    let upstream = sockets.upstream(query.server).await?;
    upstream.send(&query.bytes).await?;
    let mut stray = 0;
    while stray < STRAY {
        // ICMP port unreachable makes a socket failed, not readable.
        let ready = upstream.ready(Interest::READABLE | Interest::ERROR).await?;
        if ready.is_error()
            && let Some(error) = upstream.take_error()?
        {
            return Err(error);
        }
        match receive_from(&upstream) {
            // A message with another id answers another query.
            Ok(answer) if message::id(&answer) == message::id(&query.bytes) => return Ok(answer),
            Ok(_) => stray += 1,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("all messages from the server answer other queries"))
}

/// Receives a message of any size, into a buffer that the thread's queries share.
fn receive_from(upstream: &UdpSocket) -> io::Result<Vec<u8>> {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 64 * 1024]);
    }
    BUFFER.with_borrow_mut(|buffer| {
        let length = upstream.try_recv(buffer)?;
        Ok(buffer.iter().take(length).copied().collect())
    })
}

#[cfg(test)]
mod tests;
