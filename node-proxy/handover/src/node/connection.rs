//! Runs the replica over its socket: the thin shell around [`Replica`].

use std::io;

use karez_capture::seqpacket::Address;
use tokio::time::Instant;

use crate::channel::Channel;
use crate::message::{LARGEST_PACKET, PodState};
use crate::node::attempts::Attempts;
use crate::node::replica::{PodEvent, Replica};
use crate::packet::Packet;
use crate::pod::PodReference;

/// The node proxy's connection to the agent. Drive it with [`AgentConnection::next`]; it needs no task of its own.
#[derive(Debug)]
pub struct AgentConnection {
    address: Address,
    agent_uid: Option<u32>,
    replica: Replica,
    channel: Option<Channel>,
    outgoing: Option<Packet>,
    attempts: Attempts,
    next_attempt: Option<Instant>,
}

impl AgentConnection {
    /// The agent that listens at `address`. With `agent_uid`, a process of another uid is not accepted as the agent:
    /// whoever comes first in this network namespace gets an abstract address. `program` names this program for humans.
    #[must_use]
    pub fn new(address: Address, agent_uid: Option<u32>, program: String) -> Self {
        Self {
            address,
            agent_uid,
            replica: Replica::new(program),
            channel: None,
            outgoing: None,
            attempts: Attempts::default(),
            next_attempt: None,
        }
    }

    /// Waits for the next event. Meanwhile it sends packets and connects as needed. Cancel-safe.
    pub async fn next(&mut self) -> PodEvent {
        loop {
            if let Some(event) = self.replica.next_event() {
                return event;
            }
            if let Err(error) = self.advance().await {
                self.broken(&error);
            }
        }
    }

    /// The agent's address.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Reports a Pod's state. Never blocks.
    pub fn report(&mut self, pod: &PodReference, state: PodState) {
        self.replica.report(pod, state);
    }

    /// Reports whether to close flows older than a Pod's enrolment. Never blocks.
    pub fn strictness(&mut self, pod: &PodReference, strict: bool) {
        self.replica.strictness(pod, strict);
    }

    /// Connects, or sends or receives one packet.
    async fn advance(&mut self) -> io::Result<()> {
        let Some(channel) = &self.channel else { return self.connect().await };
        if self.outgoing.is_none() {
            self.outgoing = self.replica.next_packet();
        }
        // The agent receives while it sends, so this side need not.
        if let Some(packet) = &self.outgoing {
            channel.send(packet).await?;
            self.outgoing = None;
            return Ok(());
        }
        let packet = channel.receive().await?.ok_or(io::ErrorKind::ConnectionReset)?;
        let violated = |violation| io::Error::new(io::ErrorKind::InvalidData, violation);
        self.replica.received(packet).map_err(violated)
    }

    async fn connect(&mut self) -> io::Result<()> {
        if let Some(next_attempt) = self.next_attempt {
            tokio::time::sleep_until(next_attempt).await;
        }
        let channel = Channel::connect(&self.address, self.agent_uid, LARGEST_PACKET)?;
        self.channel = Some(channel);
        self.attempts.connected(Instant::now());
        self.replica.connected();
        Ok(())
    }

    fn broken(&mut self, error: &io::Error) {
        let retry = self.attempts.failed(Instant::now());
        if retry.is_first {
            tracing::warn!(agent = %self.address, %error, "no connection to the agent: carried Pods stay carried");
        }
        self.next_attempt = Some(retry.at);
        self.channel = None;
        self.outgoing = None;
        self.replica.disconnected();
    }
}
