use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::listener::tests::listeners;
use crate::pod::tests::{pod, reference};
use crate::zds::wire;
use crate::zds::wire::workload_request::Payload;

/// An agent and an Istio proxy.
struct World {
    roster: Roster,
    session: Session,
    carried: BTreeSet<String>,
    snapshots: usize,
    now: Instant,
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        let session = Session::new("ztunnel".to_owned(), now);
        Self { roster: Roster::default(), session, carried: BTreeSet::new(), snapshots: 0, now }
    }

    fn greeted() -> Self {
        let mut world = Self::new();
        world.hear(b"\x08\x01").unwrap();
        world
    }

    fn offer(&mut self, name: &str, inode: u64) {
        let namespace: OwnedFd = std::io::pipe().unwrap().0.into();
        self.roster.offer(pod(name, inode), Vec::new(), Supply::Namespace(Arc::new(namespace)));
    }

    fn hear(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        let packet = Packet { bytes: bytes.to_vec(), descriptors: Vec::new() };
        self.session.received(packet, &mut self.roster, self.now)
    }

    fn said(&mut self) -> Option<Payload> {
        let packet = self.session.next(&mut self.roster, self.now).unwrap()?;
        let payload = wire::WorkloadRequest::decode(&*packet.bytes).unwrap().payload.unwrap();
        let descriptors = usize::from(matches!(payload, Payload::Add(_)));
        assert_eq!(packet.descriptors.len(), descriptors, "one beside an add, none beside anything else");
        Some(payload)
    }

    fn ack(&mut self, error: &str) -> Result<(), Violation> {
        let ack = wire::Ack { error: error.to_owned() };
        let payload = Some(wire::workload_response::Payload::Ack(ack));
        self.hear(&wire::WorkloadResponse { payload }.encode_to_vec())
    }

    /// Answers one request like a proxy. Returns false if there is none.
    fn step(&mut self) -> bool {
        let Some(payload) = self.said() else { return false };
        match payload {
            Payload::Add(add) => assert!(self.carried.insert(add.uid)),
            Payload::Del(del) => assert!(self.carried.remove(&del.uid)),
            Payload::SnapshotSent(_) => self.snapshots += 1,
            Payload::Keep(keep) => panic!("{keep:?}"),
        }
        self.ack("").unwrap();
        true
    }

    fn settle(&mut self) {
        while self.step() {}
    }

    fn standing(&self, name: &str, inode: u64) -> Vec<ProxyStanding> {
        self.roster.standings(&reference(name, inode)).map(|(_, standing)| standing.clone()).collect()
    }
}

#[test]
fn the_snapshot_comes_first_and_one_at_a_time() {
    let mut world = World::greeted();
    world.offer("a", 1);
    world.offer("b", 2);
    let info = wire::WorkloadInfo {
        name: "a".to_owned(),
        namespace: "shop".to_owned(),
        service_account: "default".to_owned(),
    };
    let add = wire::AddWorkload { uid: "uid-a".to_owned(), workload_info: Some(info) };
    assert_eq!(world.said(), Some(Payload::Add(add)));
    assert_eq!(world.said(), None, "not before the ack");
    world.ack("").unwrap();
    assert!(matches!(world.said(), Some(Payload::Add(add)) if add.uid == "uid-b"));
    world.ack("").unwrap();
    assert_eq!(world.said(), Some(Payload::SnapshotSent(wire::SnapshotSent {})));
    world.ack("").unwrap();
    assert_eq!(world.said(), None);
    assert_eq!(world.standing("a", 1), [ProxyStanding::Carrying]);
}

#[test]
fn nothing_is_said_before_the_hello() {
    let mut world = World::new();
    world.offer("a", 1);
    assert_eq!(world.said(), None);
    assert!(matches!(world.hear(b""), Err(Violation::Malformed(_))));
}

#[test]
fn a_pod_leaves() {
    let mut world = World::greeted();
    world.offer("a", 1);
    world.settle();
    world.roster.stop(&reference("a", 1));
    world.settle();
    assert!(world.roster.is_released(&reference("a", 1)), "ZDS has no word for it");
    world.roster.withdraw(&reference("a", 1));
    world.settle();
    assert!(world.roster.is_gone(&reference("a", 1)));
    assert!(world.carried.is_empty());
}

#[test]
fn a_refused_pod_is_left_to_the_proxy() {
    let mut world = World::greeted();
    world.offer("a", 1);
    world.said();
    world.ack("no certificate").unwrap();
    assert_eq!(world.standing("a", 1), [ProxyStanding::Failed("no certificate".to_owned())]);
    assert!(matches!(world.said(), Some(Payload::SnapshotSent(_))), "and not offered again");
}

#[test]
fn an_ack_that_is_not_due_ends_the_connection() {
    let mut world = World::greeted();
    world.settle();
    assert_eq!(world.ack(""), Err(Violation::OutOfTurn));
}

#[test]
fn a_refused_snapshot_ends_the_connection() {
    let mut world = World::greeted();
    world.said();
    assert_eq!(
        world.ack("keep after snapshot"),
        Err(Violation::SnapshotRefused("keep after snapshot".to_owned()))
    );
}

#[test]
fn a_silent_proxy_is_left() {
    for mut world in [World::new(), {
        let mut world = World::greeted();
        world.offer("a", 1);
        world.said();
        world
    }] {
        let due = world.now + ANSWER_WITHIN;
        assert_eq!(world.session.deadline(), Some(due));
        let just_before = due - Duration::from_millis(1);
        assert!(world.session.next(&mut world.roster, just_before).is_ok());
        assert_eq!(world.session.next(&mut world.roster, due).unwrap_err(), Violation::Silent);
    }
}

#[test]
fn additions_go_to_the_newest_and_deletions_to_all() {
    let mut old = World::greeted();
    old.offer("a", 1);
    old.settle();
    let mut new = World::new();
    std::mem::swap(&mut old.roster, &mut new.roster);
    new.hear(b"\x08\x01").unwrap();
    new.offer("b", 2);
    new.settle();
    new.roster.withdraw(&reference("a", 1));
    new.settle();
    std::mem::swap(&mut old.roster, &mut new.roster);
    old.settle();
    assert_eq!((old.carried.len(), old.snapshots), (0, 1));
    assert_eq!((new.carried, new.snapshots), (BTreeSet::from(["uid-b".to_owned()]), 1));
}

#[test]
fn a_proxy_that_is_not_the_newest_any_more_still_gets_its_snapshot() {
    let mut old = World::greeted();
    old.offer("a", 1);
    old.offer("b", 2);
    assert!(old.step());
    old.roster.join("newer".to_owned());
    old.settle();
    assert_eq!((old.carried.len(), old.snapshots), (2, 1), "else it would drop what it was not told");
}

/// A ztunnel cannot use their listeners.
#[test]
fn pods_without_a_namespace_are_not_offered() {
    let mut world = World::greeted();
    let supply = Supply::Listeners { listeners: listeners(1), handed: false };
    world.roster.offer(pod("a", 1), Vec::new(), supply);
    world.settle();
    assert!(world.carried.is_empty());
}

proptest! {
    /// Whatever happens, in any order: in the end the proxy has the offered Pods.
    #[test]
    fn both_sides_agree_in_the_end(acts in prop::collection::vec((0..4_u8, 0..3_u8, 1..3_u64), 0..40)) {
        let mut world = World::greeted();
        for (act, name, inode) in acts {
            let name = name.to_string();
            match act {
                0 => world.offer(&name, inode),
                1 => world.roster.stop(&reference(&name, inode)),
                2 => world.roster.withdraw(&reference(&name, inode)),
                _ => { world.step(); }
            }
        }
        // A leaving Pod may have been sent or not; once it has left, that makes no difference.
        let stopped: Vec<PodReference> = world.roster.offers()
            .filter(|offer| offer.desired == DesiredState::Stopped)
            .map(|offer| offer.pod.reference.clone())
            .collect();
        for pod in &stopped { world.roster.withdraw(pod); }
        world.settle();
        let offered: BTreeSet<String> =
            world.roster.offers().map(|offer| offer.pod.uid().to_string()).collect();
        prop_assert_eq!(world.carried, offered);
        prop_assert_eq!(world.snapshots, 1);
    }
}
