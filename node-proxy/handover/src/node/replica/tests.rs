use super::*;
use crate::listener::tests::{inodes, listeners};
use crate::pod::tests::{pod, reference};

fn connected() -> Replica {
    let mut replica = Replica::new("node".to_owned());
    connect(&mut replica);
    replica
}

fn connect(replica: &mut Replica) {
    events(replica);
    replica.connected();
    assert!(matches!(replica.next_event(), Some(PodEvent::Connected)));
    hear(replica, &AgentMessage::Hello).unwrap();
}

fn hear(replica: &mut Replica, message: &AgentMessage) -> Result<(), Violation> {
    replica.received(Packet { bytes: message.encode(), descriptors: Vec::new() })
}

fn add(
    replica: &mut Replica,
    pod: &EnrolledPod,
    listeners: &[Listener],
    more: bool,
) -> Result<(), Violation> {
    let roles = listeners.iter().map(|listener| listener.role).collect();
    let bytes = AgentMessage::Added { pod: pod.clone(), roles, more }.encode();
    let descriptors = listeners.iter().map(|listener| Arc::clone(&listener.descriptor)).collect();
    replica.received(Packet { bytes, descriptors })
}

fn said(replica: &mut Replica) -> Vec<NodeMessage> {
    let packets = std::iter::from_fn(|| replica.next_packet());
    packets.map(|packet| NodeMessage::decode(&packet.bytes, packet.descriptors.len()).unwrap()).collect()
}

fn events(replica: &mut Replica) -> Vec<String> {
    let name = |event| match event {
        PodEvent::Connected => "connected".to_owned(),
        PodEvent::Added(pod, listeners) => format!("added {} with {}", pod.name, listeners.len()),
        PodEvent::Stopping(pod) => format!("stopping {}", pod.name),
        PodEvent::Resumed(pod) => format!("resumed {}", pod.name),
        PodEvent::Removed(pod) => format!("removed {} of {}", pod.name, pod.reference.sandbox.inode),
        PodEvent::SnapshotSent => "snapshot".to_owned(),
        PodEvent::Disconnected => "disconnected".to_owned(),
    };
    std::iter::from_fn(|| replica.next_event()).map(name).collect()
}

/// A connected replica that carries `web`, with nothing left to send.
fn carrying() -> Replica {
    let mut replica = connected();
    add(&mut replica, &pod("web", 1), &listeners(1), false).unwrap();
    replica.report(&reference("web", 1), PodState::Carrying);
    assert_eq!(events(&mut replica), ["added web with 5"]);
    said(&mut replica);
    replica
}

fn hello(carried: Vec<PodReference>) -> NodeMessage {
    NodeMessage::Hello { program: "node".to_owned(), carried, more: false }
}

#[test]
fn the_hello_names_what_is_held_in_as_many_packets_as_it_takes() {
    let mut replica = connected();
    assert_eq!(said(&mut replica), [hello(Vec::new())]);
    for inode in 0..50 {
        add(&mut replica, &pod(&format!("pod-{inode}"), inode), &[], false).unwrap();
    }
    replica.disconnected();
    replica.connected();
    let lengths = said(&mut replica).into_iter().map(|message| match message {
        NodeMessage::Hello { carried, more, .. } => (carried.len(), more),
        other => panic!("{other:?}"),
    });
    assert_eq!(lengths.collect::<Vec<_>>(), [(MOST_CARRIED, true), (2, false)]);
}

#[test]
fn what_is_carried_outlives_the_connection() {
    let mut replica = carrying();
    replica.disconnected();
    assert_eq!(events(&mut replica), ["disconnected"]);
    connect(&mut replica);
    assert_eq!(said(&mut replica), [hello(vec![reference("web", 1)])]);
    hear(&mut replica, &AgentMessage::Kept(pod("web", 1))).unwrap();
    hear(&mut replica, &AgentMessage::SnapshotSent).unwrap();
    assert_eq!(events(&mut replica), ["snapshot"]);
}

#[test]
fn what_a_snapshot_does_not_mention_is_gone() {
    let mut replica = carrying();
    replica.disconnected();
    replica.next_event();
    connect(&mut replica);
    hear(&mut replica, &AgentMessage::SnapshotSent).unwrap();
    assert_eq!(events(&mut replica), ["removed web of 1", "snapshot"]);
}

#[test]
fn listeners_are_given_back() {
    let mut replica = connected();
    let held = listeners(20);
    let (first, second) = held.split_at(64);
    add(&mut replica, &pod("web", 1), first, true).unwrap();
    assert_eq!(events(&mut replica), [""; 0], "not before it is complete");
    add(&mut replica, &pod("web", 1), second, false).unwrap();
    assert_eq!(events(&mut replica), ["added web with 100"]);
    said(&mut replica);

    hear(&mut replica, &AgentMessage::ReturnListeners(reference("web", 1))).unwrap();
    let returned: Vec<Listener> = std::iter::from_fn(|| replica.next_packet())
        .flat_map(|packet| match NodeMessage::decode(&packet.bytes, packet.descriptors.len()) {
            Ok(NodeMessage::Returned { roles, .. }) => Listener::pair(roles, packet.descriptors),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(inodes(&returned), inodes(&held));
}

#[test]
fn of_what_is_not_held_nothing_is_left() {
    let mut replica = carrying();
    let other = reference("web", 2);
    for (message, state) in [
        (AgentMessage::Stopping(other.clone()), PodState::Released),
        (AgentMessage::Removed(other.clone()), PodState::Gone),
    ] {
        hear(&mut replica, &message).unwrap();
        assert_eq!(said(&mut replica), [NodeMessage::State { pod: other.clone(), state }]);
    }
    hear(&mut replica, &AgentMessage::ReturnListeners(other.clone())).unwrap();
    let nothing = NodeMessage::Returned { pod: other, roles: Vec::new(), more: false };
    assert_eq!(said(&mut replica), [nothing]);
    assert_eq!(events(&mut replica), [""; 0]);
}

#[test]
fn a_pod_that_was_to_leave_and_stays_is_carried_on() {
    let web = reference("web", 1);
    let state = |state| NodeMessage::State { pod: web.clone(), state };
    for is_released in [false, true] {
        let mut replica = carrying();
        hear(&mut replica, &AgentMessage::Stopping(web.clone())).unwrap();
        if is_released {
            replica.report(&web, PodState::Released);
        }
        said(&mut replica);
        hear(&mut replica, &AgentMessage::Kept(pod("web", 1))).unwrap();
        assert_eq!(events(&mut replica), ["stopping web", "resumed web"]);
        replica.report(&web, PodState::Carrying);
        assert_eq!(said(&mut replica), [PodState::Waiting(String::new()), PodState::Carrying].map(state));
    }
}

#[test]
fn a_pod_that_is_another_begins_again() {
    let mut replica = carrying();
    let addresses = vec!["10.9.9.9".parse().unwrap()];
    hear(&mut replica, &AgentMessage::Kept(EnrolledPod { addresses, ..pod("web", 1) })).unwrap();
    assert_eq!(events(&mut replica), ["removed web of 1", "added web with 5"]);
}

#[test]
fn stopping_is_said_once_and_its_end_as_often_as_asked() {
    let mut replica = carrying();
    let stopping = AgentMessage::Stopping(reference("web", 1));
    hear(&mut replica, &stopping).unwrap();
    hear(&mut replica, &stopping).unwrap();
    assert_eq!(events(&mut replica), ["stopping web"]);
    assert_eq!(said(&mut replica), []);
    replica.report(&reference("web", 1), PodState::Released);
    hear(&mut replica, &stopping).unwrap();
    let released = NodeMessage::State { pod: reference("web", 1), state: PodState::Released };
    assert_eq!(said(&mut replica), [released.clone(), released]);
}

#[test]
fn a_new_sandbox_removes_the_old_one_first() {
    let mut replica = carrying();
    add(&mut replica, &pod("web", 2), &listeners(1), false).unwrap();
    assert_eq!(events(&mut replica), ["removed web of 1", "added web with 5"]);
    // A report on the old Pod must not count for the new one.
    replica.report(&reference("web", 1), PodState::Gone);
    replica.disconnected();
    connect(&mut replica);
    let hello = said(&mut replica).pop();
    assert!(matches!(hello, Some(NodeMessage::Hello { carried, .. }) if carried == [reference("web", 2)]));
}

#[test]
fn a_failed_pod_is_not_said_to_be_carried() {
    let mut replica = carrying();
    replica.report(&reference("web", 1), PodState::Failed("no".to_owned()));
    replica.disconnected();
    connect(&mut replica);
    assert!(said(&mut replica).contains(&hello(Vec::new())));
}

#[test]
fn a_state_is_said_when_it_changes() {
    let mut replica = connected();
    said(&mut replica);
    add(&mut replica, &pod("web", 1), &listeners(1), false).unwrap();
    let web = reference("web", 1);
    let waiting = || PodState::Waiting("no certificate".to_owned());
    for state in [waiting(), waiting(), PodState::Carrying, PodState::Carrying, PodState::Released] {
        replica.report(&web, state);
    }
    replica.report(&reference("web", 2), PodState::Carrying);
    let states = [PodState::Waiting(String::new()), waiting(), PodState::Carrying];
    let expected = states.map(|state| NodeMessage::State { pod: web.clone(), state });
    assert_eq!(said(&mut replica), expected, "and nobody has asked it to leave");
}

#[test]
fn a_pod_that_is_to_leave_only_leaves() {
    let mut replica = carrying();
    let web = reference("web", 1);
    hear(&mut replica, &AgentMessage::Stopping(web.clone())).unwrap();
    for state in
        [PodState::Carrying, PodState::Failed("no".to_owned()), PodState::Released, PodState::Carrying]
    {
        replica.report(&web, state);
    }
    assert_eq!(said(&mut replica), [NodeMessage::State { pod: web, state: PodState::Released }]);
}

#[test]
fn strictness_is_said_when_it_changes() {
    let mut replica = carrying();
    let web = reference("web", 1);
    for strict in [true, true, false] {
        replica.strictness(&web, strict);
    }
    replica.strictness(&reference("other", 2), true);
    let strictness = |strict| NodeMessage::Strictness { pod: web.clone(), strict };
    assert_eq!(said(&mut replica), [strictness(true), strictness(false)]);
}

#[test]
fn what_comes_out_of_turn_ends_the_connection() {
    let cases = [
        (vec![AgentMessage::SnapshotSent], "a hello"),
        (vec![AgentMessage::Hello, AgentMessage::Hello], "a hello"),
        (vec![AgentMessage::Hello, AgentMessage::Kept(pod("web", 1))], "a Pod to keep that is not held"),
        (
            vec![AgentMessage::Hello, AgentMessage::SnapshotSent, AgentMessage::SnapshotSent],
            "a second end of the snapshot",
        ),
    ];
    for (messages, expected) in cases {
        let mut replica = Replica::new("node".to_owned());
        replica.connected();
        let result = messages.iter().try_for_each(|message| hear(&mut replica, message));
        assert_eq!(result, Err(Violation::OutOfTurn(expected)), "{messages:?}");
    }
}

#[test]
fn other_messages_between_a_pods_listeners_end_the_connection() {
    let mut replica = connected();
    add(&mut replica, &pod("web", 1), &listeners(1), true).unwrap();
    let error = hear(&mut replica, &AgentMessage::SnapshotSent).unwrap_err();
    let interrupted = Misassembled::Interrupted(reference("web", 1).uid);
    assert_eq!(error, Violation::Misassembled(interrupted));
}
