//! Runs a conversation over its socket: the thin shell around the sessions of both protocols.

use std::io;
use std::time::Instant;

use tokio::sync::watch;

use crate::agent::Inspect;
use crate::agent::roster::Roster;
use crate::agent::session::{self, ANSWER_WITHIN};
use crate::agent::shared::SharedRoster;
use crate::channel::Channel;
use crate::packet::Packet;
use crate::zds;

/// The agent's decisions on one connection. Pure.
pub(crate) trait Conversation {
    /// Why the connection must end.
    type Violation;

    /// Handles a packet of the node proxy.
    fn received(&mut self, packet: Packet, roster: &mut Roster, now: Instant) -> Result<(), Self::Violation>;

    /// The next packet to send, if any.
    fn next(&mut self, roster: &mut Roster, now: Instant) -> Result<Option<Packet>, Self::Violation>;

    /// The latest time for another [`Conversation::next`], because time alone changes something.
    fn deadline(&self) -> Option<Instant>;

    /// Handles the connection's end.
    fn ended(&mut self, roster: &mut Roster);
}

/// Why a conversation ended, other than by the peer's close.
#[derive(Debug, thiserror::Error)]
pub enum ConversationError<V> {
    /// The socket failed.
    #[error("the connection broke: {0}")]
    Connection(#[from] io::Error),
    /// The peer broke the protocol.
    #[error("the peer broke the protocol: {0}")]
    Protocol(V),
}

/// Talks to a node proxy until it closes the connection. `inspect` checks the listeners that it returns.
///
/// # Errors
/// When the connection breaks, or the node proxy breaks the protocol.
pub async fn serve(
    channel: Channel,
    roster: &SharedRoster,
    inspect: Inspect,
) -> Result<(), ConversationError<session::Violation>> {
    Ongoing { conversation: session::Session::new(now(), inspect), roster }.run(&channel).await
}

/// Talks ZDS to a proxy until it closes the connection. `program` names the proxy for humans.
///
/// # Errors
/// Like [`serve`].
pub async fn serve_zds(
    channel: Channel,
    program: String,
    roster: &SharedRoster,
) -> Result<(), ConversationError<zds::session::Violation>> {
    Ongoing { conversation: zds::session::Session::new(program, now()), roster }.run(&channel).await
}

/// A running conversation. It leaves the roster however it ends, even by a dropped task.
struct Ongoing<'a, C: Conversation> {
    conversation: C,
    roster: &'a SharedRoster,
}

impl<C: Conversation> Drop for Ongoing<'_, C> {
    fn drop(&mut self) {
        self.roster.with(|roster| self.conversation.ended(roster));
    }
}

impl<C: Conversation> Ongoing<'_, C> {
    async fn run(mut self, channel: &Channel) -> Result<(), ConversationError<C::Violation>> {
        let mut changes = self.roster.watch();
        let mut outgoing: Option<Packet> = None;
        loop {
            if outgoing.is_none() {
                changes.mark_unchanged();
                outgoing = self.next().map_err(ConversationError::Protocol)?;
            }
            match step(channel, outgoing.as_ref(), &mut changes, self.conversation.deadline()).await? {
                Step::Sent => outgoing = None,
                Step::Received(packet) => self.received(packet).map_err(ConversationError::Protocol)?,
                Step::Again => {}
                Step::Closed => return Ok(()),
            }
        }
    }

    fn next(&mut self) -> Result<Option<Packet>, C::Violation> {
        self.roster.with(|roster| self.conversation.next(roster, now()))
    }

    fn received(&mut self, packet: Packet) -> Result<(), C::Violation> {
        self.roster.with(|roster| self.conversation.received(packet, roster, now()))
    }
}

enum Step {
    Sent,
    Received(Packet),
    Again,
    Closed,
}

/// Waits for the first event. It receives while it sends: otherwise two sending sides would wait for each other once
/// the queues are full.
async fn step(
    channel: &Channel,
    outgoing: Option<&Packet>,
    changes: &mut watch::Receiver<u64>,
    deadline: Option<Instant>,
) -> io::Result<Step> {
    let send = async {
        match outgoing {
            // A peer that takes nothing for so long is stuck.
            Some(packet) => tokio::time::timeout(ANSWER_WITHIN, channel.send(packet)).await,
            None => std::future::pending().await,
        }
    };
    let due = async {
        match deadline {
            Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        sent = send => sent.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?.map(|()| Step::Sent),
        received = channel.receive() => Ok(received?.map_or(Step::Closed, Step::Received)),
        // Fails only without the roster, which the caller holds.
        _ = changes.changed(), if outgoing.is_none() => Ok(Step::Again),
        () = due, if outgoing.is_none() => Ok(Step::Again),
    }
}

/// tokio's clock, which tests can move.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
