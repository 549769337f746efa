mod agreement;
mod world;

use std::os::fd::AsFd as _;

use karez_capture::sockets::check_listener;

use super::tell::MOST_OFFERED;
use super::*;
use crate::listener::tests::{listener, listeners};
use crate::listener::{Family, Listening, Role};
use crate::pod::tests::{pod, reference};
use world::World;

#[test]
fn a_pod_is_handed_over_with_its_listeners() {
    let mut world = World::new();
    world.offer("web", 1);
    world.settle();
    assert_eq!(world.standing("web", 1), [ProxyStanding::Carrying]);
    assert_eq!(world.listeners_at_node("web"), world.listeners_at_agent("web", 1));
    assert_eq!(world.snapshots, 1);
}

#[test]
fn many_listeners_take_several_packets() {
    let mut world = World::new();
    world.offer_with("web", 1, listeners(30));
    world.settle();
    assert_eq!(world.listeners_at_node("web").len(), 150);
    assert_eq!(world.listeners_at_node("web"), world.listeners_at_agent("web", 1));
}

#[test]
fn a_pod_leaves_in_two_steps() {
    let mut world = World::new();
    world.offer("web", 1);
    world.settle();
    let web = reference("web", 1);
    assert!(!world.roster.is_released(&web));

    world.roster.stop(&web);
    world.settle();
    assert!(world.roster.is_released(&web) && !world.roster.is_gone(&web));
    assert_eq!(world.carried.len(), 1);

    world.roster.withdraw(&web);
    world.settle();
    assert!(world.roster.is_gone(&web));
    assert!(world.carried.is_empty());
}

#[test]
fn a_restarted_agent_takes_listeners_back() {
    let mut world = World::new();
    world.offer("web", 1);
    world.settle();
    let before = world.listeners_at_node("web");

    world.restart_agent();
    world.settle();
    assert_eq!(world.listeners_at_agent("web", 1), before);
    assert_eq!(world.standing("web", 1), [ProxyStanding::Carrying]);
    assert_eq!(world.listeners_at_node("web"), before);
    assert_eq!(world.snapshots, 2);
}

/// The agent still has the listeners: it asks for none, and no queue is lost.
#[test]
fn a_connection_that_is_made_again_moves_no_descriptor() {
    let mut world = World::new();
    world.offer("web", 1);
    world.settle();
    world.reconnect();
    let hello = world.replica.next_packet().unwrap();
    world.session.received(hello, &mut world.roster, world.now).unwrap();
    let packets = std::iter::from_fn(|| world.session.next(&mut world.roster, world.now).unwrap());
    let said: Vec<AgentMessage> = packets
        .map(|packet| AgentMessage::decode(&packet.bytes, packet.descriptors.len()).unwrap())
        .collect();
    assert_eq!(said, [AgentMessage::Hello, AgentMessage::Kept(pod("web", 1)), AgentMessage::SnapshotSent]);
}

#[test]
fn a_restarted_agent_opens_what_nobody_holds() {
    let mut world = World::new();
    world.offer("web", 1);
    world.settle();
    world.restart_agent();
    world.restart_node();
    world.settle();
    assert!(matches!(world.roster.offer_of(&reference("web", 1)).unwrap().supply, Supply::Wanted));
    world.open_wanted();
    world.settle();
    assert_eq!(world.listeners_at_node("web"), world.listeners_at_agent("web", 1));
}

#[test]
fn listeners_that_were_opened_too_early_give_way_to_those_that_are_served() {
    let mut world = World::new();
    world.offer("web", 1);
    world.settle();
    let served = world.listeners_at_node("web");
    world.restart_agent();
    world.supply(&reference("web", 1));
    world.settle();
    assert_eq!(world.listeners_at_agent("web", 1), served);
    assert_eq!(world.listeners_at_node("web"), served);
}

#[test]
fn an_incomplete_set_is_not_taken_back() {
    let mut world = World::new();
    world.offer("web", 1);
    world.settle();
    world.restart_agent();
    let mut expected = roles(&listeners(1));
    expected.push(Role { kind: Listening::Hbone, family: Family::V6 });
    world.roster.offer(pod("web", 1), expected, Supply::Sought);
    world.settle();
    assert!(matches!(world.roster.offer_of(&reference("web", 1)).unwrap().supply, Supply::Wanted));
    assert!(world.carried.is_empty(), "it has to take the new set");
}

#[test]
fn a_restarted_node_proxy_gets_the_same_listeners() {
    let mut world = World::new();
    world.offer("web", 1);
    world.settle();
    let before = world.listeners_at_agent("web", 1);
    world.restart_node();
    world.settle();
    assert_eq!(world.listeners_at_node("web"), before);
}

#[test]
fn a_recreated_sandbox_replaces_the_old_one() {
    let mut world = World::new();
    world.offer("web", 1);
    world.settle();
    world.offer("web", 2);
    world.settle();
    assert_eq!(world.standing("web", 1), []);
    assert_eq!(world.standing("web", 2), [ProxyStanding::Carrying]);
    assert_eq!(world.listeners_at_node("web"), world.listeners_at_agent("web", 2));
}

/// A report about the Pod that left must not count for its successor.
#[test]
fn a_pod_comes_back_while_it_leaves_and_the_connection_breaks() {
    let mut world = World::new();
    world.offer("web", 1);
    world.settle();
    world.roster.stop(&reference("web", 1));
    world.settle();
    world.offer("web", 1);
    world.reconnect();
    world.settle();
    world.offer("web", 2);
    world.settle();
    assert_eq!(world.listeners_at_node("web"), world.listeners_at_agent("web", 2));
}

#[test]
fn a_pod_that_failed_leaves_like_any_other() {
    let mut world = World::new();
    world.offer("web", 1);
    world.settle();
    world.replica.report(&reference("web", 1), PodState::Failed("no".to_owned()));
    world.settle();
    world.roster.withdraw(&reference("web", 1));
    world.settle();
    assert!(world.roster.is_gone(&reference("web", 1)));
    assert!(world.carried.is_empty());
}

#[test]
fn another_description_is_told() {
    let mut world = World::new();
    world.offer("web", 1);
    world.settle();
    let listeners = listeners(1);
    let mut changed = pod("web", 1);
    changed.service_account = "other".into();
    let supply = Supply::Listeners { listeners: Arc::clone(&listeners), handed: true };
    world.roster.offer(changed, roles(&listeners), supply);
    world.settle();
    let uid = &reference("web", 1).uid;
    assert_eq!(&*world.carried.get(uid).unwrap().0.service_account, "other");
}

#[test]
fn strictness_is_told_again_after_a_restart() {
    let mut world = World::new();
    world.offer("web", 1);
    world.settle();
    world.replica.strictness(&reference("web", 1), true);
    world.settle();
    assert_eq!(world.roster.offer_of(&reference("web", 1)).unwrap().strict, Some(true));
    world.restart_agent();
    world.settle();
    assert_eq!(world.roster.offer_of(&reference("web", 1)).unwrap().strict, Some(true));
}

/// Of two node proxies (an upgrade), only the newest gets new Pods; both hear of removals.
#[test]
fn additions_go_to_the_newest_and_removals_to_all() {
    let mut world = World::new();
    world.offer("web", 1);
    world.settle();
    let mut other = World::new();
    std::mem::swap(&mut world.roster, &mut other.roster);
    other.settle();
    other.offer("late", 2);
    other.settle();
    std::mem::swap(&mut world.roster, &mut other.roster);
    world.settle();
    assert_eq!(world.standing("web", 1), [ProxyStanding::Carrying, ProxyStanding::Carrying]);
    assert_eq!(world.standing("late", 2), [ProxyStanding::Carrying]);
    assert!(other.carried.contains_key(&reference("late", 2).uid));

    world.roster.withdraw(&reference("web", 1));
    world.settle();
    std::mem::swap(&mut world.roster, &mut other.roster);
    other.settle();
    assert!(world.carried.is_empty() && other.carried.len() == 1);
    assert!(other.roster.is_gone(&reference("web", 1)));

    // The newest leaves, and the older one takes over.
    let session = &mut other.session;
    session.ended(&mut other.roster);
    std::mem::swap(&mut world.roster, &mut other.roster);
    world.settle();
    assert!(world.carried.contains_key(&reference("late", 2).uid));
}

#[test]
fn a_failed_pod_is_offered_again_later() {
    let mut world = World::new();
    world.offer("web", 1);
    world.settle();
    world.replica.report(&reference("web", 1), PodState::Failed("no descriptors".to_owned()));
    world.settle();
    assert_eq!(world.standing("web", 1), [ProxyStanding::Failed("no descriptors".to_owned())]);
    assert!(world.roster.is_released(&reference("web", 1)));

    world.now = world.session.deadline().unwrap();
    world.settle();
    assert_eq!(world.standing("web", 1), [ProxyStanding::Carrying]);
}

#[test]
fn a_node_proxy_that_does_not_answer_is_left() {
    let mut world = World::new();
    world.offer("web", 1);
    let hello = world.replica.next_packet().unwrap();
    world.session.received(hello, &mut world.roster, world.now).unwrap();
    while world.session.next(&mut world.roster, world.now).unwrap().is_some() {}
    assert_eq!(world.standing("web", 1), [ProxyStanding::Offered]);

    let just_before = world.now + ANSWER_WITHIN - Duration::from_millis(1);
    assert!(world.session.next(&mut world.roster, just_before).is_ok());
    let over = world.now + ANSWER_WITHIN;
    let silent = world.session.next(&mut world.roster, over).unwrap_err();
    assert_eq!(silent, Violation::Silent(reference("web", 1).uid));
}

/// A certificate may take longer than an answer may.
#[test]
fn a_node_proxy_that_waits_has_answered() {
    let mut world = World::new();
    world.lacks = Some("no certificate");
    world.offer("web", 1);
    world.settle();
    let waiting = [ProxyStanding::Waiting("no certificate".to_owned())];
    assert_eq!(world.standing("web", 1), waiting);
    assert_eq!(world.session.deadline(), None);
    world.restart_agent();
    world.settle();
    assert_eq!(world.standing("web", 1), waiting, "to have it is not to carry it");

    world.replica.report(&reference("web", 1), PodState::Carrying);
    world.settle();
    assert_eq!(world.standing("web", 1), [ProxyStanding::Carrying]);
    world.reconnect();
    world.settle();
    assert_eq!(world.standing("web", 1), [ProxyStanding::Carrying]);
}

/// Even if it does nothing about the Pods it gets.
#[test]
fn taking_a_pod_is_an_answer() {
    let mut world = World::new();
    world.offer("web", 1);
    for _ in 0..10 {
        if let Some(packet) = world.session.next(&mut world.roster, world.now).unwrap() {
            world.replica.received(packet).unwrap();
        }
        if let Some(packet) = world.replica.next_packet() {
            world.session.received(packet, &mut world.roster, world.now).unwrap();
        }
    }
    assert_eq!(world.standing("web", 1), [ProxyStanding::Waiting(String::new())]);
    assert_eq!(world.session.deadline(), None);
}

#[test]
fn a_connection_without_a_hello_is_left() {
    let mut world = World::new();
    let due = world.session.deadline().unwrap();
    assert_eq!(due, world.now + ANSWER_WITHIN);
    assert_eq!(world.session.next(&mut world.roster, due).unwrap_err(), Violation::NoHello);
}

#[test]
fn few_pods_are_on_their_way_at_a_time() {
    let mut world = World::new();
    for inode in 0..40 {
        world.offer(&format!("pod-{inode}"), inode);
    }
    let hello = world.replica.next_packet().unwrap();
    world.session.received(hello, &mut world.roster, world.now).unwrap();
    let packets = std::iter::from_fn(|| world.session.next(&mut world.roster, world.now).unwrap()).count();
    assert_eq!(packets, 1 + MOST_OFFERED, "the hello, and as many Pods as may wait for an answer");
}

#[test]
fn what_comes_out_of_turn_ends_the_connection() {
    let hello = NodeMessage::Hello { program: String::new(), carried: Vec::new(), more: false };
    let returned = NodeMessage::Returned { pod: reference("web", 1), roles: Vec::new(), more: false };
    let cases = [
        (vec![returned.clone()], "a message before the hello"),
        (vec![hello.clone(), hello.clone()], "a second hello"),
        (vec![hello, returned], "listeners that were not asked for"),
    ];
    for (messages, expected) in cases {
        let mut world = World::new();
        let result = messages.iter().try_for_each(|message| {
            let packet = Packet { bytes: message.encode(), descriptors: Vec::new() };
            world.session.received(packet, &mut world.roster, world.now)
        });
        assert_eq!(result, Err(Violation::OutOfTurn(expected)));
    }
}

#[test]
fn a_hello_without_end_is_not_kept() {
    let mut world = World::new();
    let carried = vec![reference("web", 1); crate::message::MOST_CARRIED];
    let hello = NodeMessage::Hello { program: String::new(), carried, more: true }.encode();
    let result = (0..1000).try_for_each(|_| {
        let packet = Packet { bytes: hello.clone(), descriptors: Vec::new() };
        world.session.received(packet, &mut world.roster, world.now)
    });
    assert_eq!(result, Err(Violation::TooManyCarried));
}

#[test]
fn other_messages_between_returned_listeners_end_the_connection() {
    let mut world = World::new();
    world.offer("web", 1);
    world.settle();
    world.restart_agent();
    let hello = world.replica.next_packet().unwrap();
    world.session.received(hello, &mut world.roster, world.now).unwrap();
    let web = reference("web", 1);
    let one = listener(Listening::Hbone, Family::V4);
    let returned = NodeMessage::Returned { pod: web.clone(), roles: vec![one.role], more: true };
    let part = Packet { bytes: returned.encode(), descriptors: vec![one.descriptor] };
    world.session.received(part, &mut world.roster, world.now).unwrap();
    let state = NodeMessage::State { pod: web.clone(), state: PodState::Carrying }.encode();
    let between = Packet { bytes: state, descriptors: Vec::new() };
    let error = world.session.received(between, &mut world.roster, world.now).unwrap_err();
    assert_eq!(error, Violation::Misassembled(Misassembled::Interrupted(web.uid)));
}

#[test]
fn a_socket_that_is_no_listener_of_the_pod_ends_the_connection() {
    let mut world = World::new();
    world.offer("web", 1);
    world.settle();
    world.restart_agent();
    world.session = Session::new(world.now, |listener, namespace| {
        check_listener(listener.as_fd(), listener.role.kind, listener.role.family, namespace)
    });
    let hello = world.replica.next_packet().unwrap();
    world.session.received(hello, &mut world.roster, world.now).unwrap();
    let web = reference("web", 1);
    // It returns a descriptor that is no socket.
    let planted = listener(Listening::Hbone, Family::V4);
    let returned = NodeMessage::Returned { pod: web.clone(), roles: vec![planted.role], more: false };
    let packet = Packet { bytes: returned.encode(), descriptors: vec![planted.descriptor] };
    let error = world.session.received(packet, &mut world.roster, world.now).unwrap_err();
    assert!(matches!(&error, Violation::Planted { pod, .. } if *pod == web.uid), "{error}");
    assert!(matches!(world.roster.offer_of(&web).unwrap().supply, Supply::Wanted), "new ones are opened");
}
