//! The node proxy's side: a handle for its workers, and the task that sends their requests.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use karez_capture::seqpacket::Address;
use karez_capture::sockets::{Family, Kind};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::channel::{Channel, retry_delay};
use crate::message::{LARGEST_PACKET, MOST_DESCRIPTORS};
use crate::packet::Packet;
use crate::pod::PodReference;
use crate::stock::message::Refusal;
use crate::stock::pending::{MOST_REQUESTS, Order, PendingRequests};

/// How long a request may take, including an agent's restart.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Requests sockets. Cheap to clone; for any thread and any runtime.
#[derive(Debug, Clone)]
pub struct StockHandle {
    orders: mpsc::Sender<Placed>,
}

/// Sends the requests of all [`StockHandle`]s to the agent. Reconnects when the connection breaks.
#[derive(Debug)]
pub struct StockTask {
    agent: Address,
    agent_uid: Option<u32>,
    orders: mpsc::Receiver<Placed>,
    pending: PendingRequests<Waiter>,
    attempts: u32,
}

/// Why a request gave no sockets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StockError {
    /// No answer within [`ANSWER_WITHIN`].
    #[error("no socket from karez-agent within {ANSWER_WITHIN:?}: is it running?")]
    TimedOut,
    /// The agent refused.
    #[error("karez-agent refused: {0}")]
    Refused(#[from] Refusal),
    /// The number is 0 or exceeds a packet.
    #[error("a request must ask for 1 to {MOST_DESCRIPTORS} sockets")]
    Count,
    /// The [`StockTask`] has ended: the process is stopping.
    #[error("the socket stock has shut down: the node proxy is stopping")]
    Closed,
}

type Waiter = oneshot::Sender<Result<Vec<OwnedFd>, Refusal>>;

#[derive(Debug)]
struct Placed {
    order: Order,
    waiter: Waiter,
}

/// A handle for the agent that serves Pods at `agent`, and its task, to run on any runtime. `agent_uid` is the same as
/// for [`AgentConnection::new`](crate::node::AgentConnection::new).
#[must_use]
pub fn connect(agent: &Address, agent_uid: Option<u32>) -> (StockHandle, StockTask) {
    let (sender, orders) = mpsc::channel(MOST_REQUESTS);
    let agent = super::address(agent);
    let task = StockTask { agent, agent_uid, orders, pending: PendingRequests::new(), attempts: 0 };
    (StockHandle { orders: sender }, task)
}

impl StockHandle {
    /// Requests `count` sockets, at most [`MOST_DESCRIPTORS`], in the Pod's namespace.
    ///
    /// # Errors
    /// When the agent refuses or does not answer in time.
    pub async fn request(
        &self,
        pod: &PodReference,
        kind: Kind,
        family: Family,
        count: usize,
    ) -> Result<Vec<OwnedFd>, StockError> {
        if !(1..=MOST_DESCRIPTORS).contains(&count) {
            return Err(StockError::Count);
        }
        let (waiter, answer) = oneshot::channel();
        let placed = Placed { order: Order { pod: pod.clone(), kind, family, count }, waiter };
        let exchange = async {
            self.orders.send(placed).await.map_err(|_| StockError::Closed)?;
            Ok(answer.await.map_err(|_| StockError::Closed)??)
        };
        tokio::time::timeout(ANSWER_WITHIN, exchange).await.map_err(|_| StockError::TimedOut)?
    }
}

impl StockTask {
    /// Runs until the last [`StockHandle`] is dropped.
    pub async fn run(mut self) {
        while let Err(error) = self.connected().await {
            if self.attempts == 0 {
                tracing::warn!(agent = %self.agent, %error, "no connection to the agent's stock of sockets");
            }
            self.pending.disconnected();
            let until = Instant::now() + retry_delay(self.attempts);
            self.attempts = self.attempts.saturating_add(1);
            if self.wait(until).await.is_none() {
                return;
            }
        }
    }

    /// Accepts requests until the next attempt. None when no handle is left.
    async fn wait(&mut self, until: Instant) -> Option<()> {
        loop {
            self.pending.forget(Waiter::is_closed);
            tokio::select! {
                placed = self.orders.recv(), if self.pending.has_room() => self.place(placed?),
                () = tokio::time::sleep_until(until) => return Some(()),
            }
        }
    }

    /// Runs one connection. Ok when no handle is left.
    async fn connected(&mut self) -> io::Result<()> {
        let channel = Channel::connect(&self.agent, self.agent_uid, LARGEST_PACKET)?;
        let mut outgoing: Option<Packet> = None;
        // Since when the agent owes an answer and is silent. The waiting caller may be gone already.
        let mut silent: Option<Instant> = None;
        loop {
            self.pending.forget(Waiter::is_closed);
            if outgoing.is_none() {
                outgoing = self.pending.next_packet();
            }
            if outgoing.is_some() {
                silent.get_or_insert_with(Instant::now);
            }
            tokio::select! {
                sent = send(&channel, outgoing.as_ref()) => {
                    sent?;
                    outgoing = None;
                }
                received = channel.receive() => {
                    self.received(received?)?;
                    silent = (!self.pending.is_empty()).then(Instant::now);
                }
                placed = self.orders.recv(), if self.pending.has_room() => match placed {
                    Some(placed) => self.place(placed),
                    None => return Ok(()),
                },
                () = until(silent.map(|since| since + ANSWER_WITHIN)) => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
    }

    fn place(&mut self, Placed { order, waiter }: Placed) {
        self.pending.place(order, waiter);
    }

    fn received(&mut self, packet: Option<Packet>) -> io::Result<()> {
        let packet = packet.ok_or(io::ErrorKind::ConnectionReset)?;
        let bad = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        if let Some((waiter, answer)) = self.pending.answered(&packet).map_err(bad)? {
            // A just received socket has no other holder.
            let sockets = packet.descriptors.into_iter().filter_map(Arc::into_inner).collect();
            // A caller that is gone has given up, and the sockets are closed.
            let _ = waiter.send(answer.map(|()| sockets));
        }
        self.attempts = 0;
        Ok(())
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

async fn send(channel: &Channel, outgoing: Option<&Packet>) -> io::Result<()> {
    match outgoing {
        Some(packet) => channel.send(packet).await,
        None => std::future::pending().await,
    }
}
