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
use crate::resolver::{FORWARD_TIMEOUT, Names, Resolver};

/// Messages from the server that answer nothing, of which so many are passed over: they must not keep the thread.
const STRAY: usize = 16;
/// Before receiving again after an error.
const PAUSE: Duration = Duration::from_millis(100);

/// A captured query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The message.
    pub bytes: Vec<u8>,
    /// The client's address.
    pub client: SocketAddr,
    /// Who was asked: it is forwarded there, and the answer seems to come from there.
    pub server: SocketAddr,
}

/// The sockets of one listener.
pub trait Sockets {
    /// The next query. Cancel safe.
    fn receive(&self) -> impl Future<Output = io::Result<Query>>;

    /// A socket of the Pod's that is connected to `server`, so that it receives from nobody else, and is not captured
    /// again.
    fn upstream(&self, server: SocketAddr) -> impl Future<Output = io::Result<UdpSocket>>;

    /// Sends an answer to `client` as if it came from `server`.
    fn reply(
        &self,
        server: SocketAddr,
        client: SocketAddr,
        answer: &[u8],
    ) -> impl Future<Output = io::Result<()>>;
}

/// Takes up the queries of one listener of a Pod until it is dropped, and has each of them served by `spawn`.
pub async fn serve<S, N>(sockets: Rc<S>, resolver: Rc<Resolver<N>>, spawn: impl Fn(Task)) -> Infallible
where
    S: Sockets + 'static,
    N: Names + 'static,
{
    loop {
        let query = match sockets.receive().await {
            Ok(query) => query,
            Err(error) => {
                tracing::debug!(%error, "cannot receive a DNS query");
                // One query that is too long says nothing about the next.
                if error.kind() != io::ErrorKind::InvalidData {
                    tokio::time::sleep(PAUSE).await;
                }
                continue;
            }
        };
        let decision = resolver.decide(&query.bytes, Transport::Udp);
        let Ok(permit) = resolver.room(&decision).try_acquire_owned() else {
            // A resolver asks again when it gets no answer; a queue here would only grow old.
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

async fn serve_query<S: Sockets, N: Names>(
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
async fn forwarded<S: Sockets, N: Names>(
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

async fn forward<S: Sockets>(sockets: &S, query: &Query) -> io::Result<Vec<u8>> {
    let upstream = sockets.upstream(query.server).await?;
    upstream.send(&query.bytes).await?;
    let mut stray = 0;
    while stray < STRAY {
        // That nobody is there (ICMP port unreachable) makes a socket failed, not readable.
        let ready = upstream.ready(Interest::READABLE | Interest::ERROR).await?;
        if ready.is_error()
            && let Some(error) = upstream.take_error()?
        {
            return Err(error);
        }
        match receive_from(&upstream) {
            // Whatever has another id answers nothing that was asked.
            Ok(answer) if message::id(&answer) == message::id(&query.bytes) => return Ok(answer),
            Ok(_) => stray += 1,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("it sends what was not asked for"))
}

/// Receives whatever is there, however large, into a buffer that all the thread's queries share.
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
