use std::collections::BTreeMap;

use super::super::*;
use crate::listener::tests::{inodes, listeners};
use crate::node::PodEvent;
use crate::node::replica::Replica;
use crate::pod::EnrolledPod;
use crate::pod::tests::{pod, reference};

/// An agent, a node proxy and the wire between them, one packet at a time.
pub(super) struct World {
    pub(super) roster: Roster,
    pub(super) session: Session,
    pub(super) replica: Replica,
    pub(super) carried: BTreeMap<PodUid, (Arc<EnrolledPod>, Listeners)>,
    pub(super) snapshots: usize,
    /// What the node proxy lacks before it can carry any Pod.
    pub(super) lacks: Option<&'static str>,
    pub(super) now: Instant,
}

impl World {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let mut replica = Replica::new("node".to_owned());
        replica.connected();
        Self {
            roster: Roster::default(),
            session: Session::new(now, |_, _| Ok(())),
            replica,
            carried: BTreeMap::new(),
            snapshots: 0,
            lacks: None,
            now,
        }
    }

    /// Offers a Pod with one listener of each kind.
    pub(super) fn offer(&mut self, name: &str, inode: u64) {
        self.offer_with(name, inode, listeners(1));
    }

    pub(super) fn offer_with(&mut self, name: &str, inode: u64, listeners: Listeners) {
        let roles = roles(&listeners);
        self.roster.offer(pod(name, inode), roles, Supply::Listeners { listeners, handed: false });
    }

    /// Carries one packet in each direction and lets the node proxy act. Returns false when nothing moves.
    pub(super) fn step(&mut self) -> bool {
        let to_agent = self.replica.next_packet();
        let to_node = self.session.next(&mut self.roster, self.now).unwrap();
        let moved = to_agent.is_some() || to_node.is_some();
        if let Some(packet) = to_agent {
            self.session.received(packet, &mut self.roster, self.now).unwrap();
        }
        if let Some(packet) = to_node {
            self.replica.received(packet).unwrap();
        }
        self.obey();
        moved
    }

    pub(super) fn settle(&mut self) {
        for _ in 0..10_000 {
            if !self.step() {
                return;
            }
        }
        panic!("they never stop talking");
    }

    pub(super) fn obey(&mut self) {
        while let Some(event) = self.replica.next_event() {
            match event {
                PodEvent::Connected | PodEvent::Disconnected => {}
                PodEvent::SnapshotSent => self.snapshots += 1,
                PodEvent::Added(pod, listeners) => {
                    let state = match self.lacks {
                        Some(what) => PodState::Waiting(what.to_owned()),
                        None => PodState::Carrying,
                    };
                    self.replica.report(&pod.reference, state);
                    let before = self.carried.insert(pod.uid().clone(), (pod, listeners));
                    assert!(before.is_none(), "a Pod is removed before it is added again");
                }
                PodEvent::Stopping(pod) => self.replica.report(&pod.reference, PodState::Released),
                PodEvent::Resumed(pod) => {
                    assert!(self.carried.contains_key(pod.uid()), "only what is carried goes on");
                    self.replica.report(&pod.reference, PodState::Carrying);
                }
                PodEvent::Removed(pod) => {
                    let (held, _) = self.carried.remove(pod.uid()).expect("only what is carried is removed");
                    assert_eq!(held.reference, pod.reference);
                    self.replica.report(&pod.reference, PodState::Gone);
                }
            }
        }
    }

    pub(super) fn reconnect(&mut self) {
        self.session.ended(&mut self.roster);
        self.session = Session::new(self.now, |_, _| Ok(()));
        self.replica.disconnected();
        self.replica.connected();
    }

    /// A new agent that knows its Pods but none of their listeners.
    pub(super) fn restart_agent(&mut self) {
        let mut roster = Roster::default();
        for offer in self.roster.offers() {
            roster.offer(offer.pod.as_ref().clone(), offer.roles.clone(), Supply::Sought);
            if offer.desired == DesiredState::Stopped {
                roster.stop(&offer.pod.reference);
            }
        }
        self.reconnect();
        self.roster = roster;
    }

    pub(super) fn restart_node(&mut self) {
        self.carried.clear();
        self.session.ended(&mut self.roster);
        self.session = Session::new(self.now, |_, _| Ok(()));
        self.replica = Replica::new("node".to_owned());
        self.replica.connected();
    }

    pub(super) fn supply(&mut self, pod: &PodReference) {
        self.roster.supply(pod, Supply::Listeners { listeners: listeners(1), handed: false });
    }

    /// Opens listeners for Pods whose listeners nobody holds, as the agent does.
    pub(super) fn open_wanted(&mut self) {
        let offers = self.roster.offers();
        let wanted: Vec<PodReference> = offers
            .filter(|offer| matches!(offer.supply, Supply::Wanted))
            .map(|offer| offer.pod.reference.clone())
            .collect();
        for pod in wanted {
            self.supply(&pod);
        }
    }

    pub(super) fn standing(&self, name: &str, inode: u64) -> Vec<ProxyStanding> {
        self.roster.standings(&reference(name, inode)).map(|(_, standing)| standing.clone()).collect()
    }

    pub(super) fn listeners_at_agent(&self, name: &str, inode: u64) -> Vec<u64> {
        match &self.roster.offer_of(&reference(name, inode)).unwrap().supply {
            Supply::Listeners { listeners, .. } => inodes(listeners),
            supply => panic!("{supply:?}"),
        }
    }

    pub(super) fn listeners_at_node(&self, name: &str) -> Vec<u64> {
        let uid = &reference(name, 0).uid;
        inodes(&self.carried.get(uid).unwrap().1)
    }
}
