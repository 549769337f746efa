use proptest::prelude::*;

use super::*;
use crate::pod::tests::{any_pod, any_reference, pod, reference};

fn any_role() -> impl Strategy<Value = Role> {
    (prop::sample::select(Listening::ALL.to_vec()), prop::sample::select(Family::ALL.to_vec()))
        .prop_map(|(kind, family)| Role { kind, family })
}

fn any_roles() -> impl Strategy<Value = Vec<Role>> {
    prop::collection::vec(any_role(), 0..=MOST_DESCRIPTORS)
}

fn any_agent_message() -> impl Strategy<Value = AgentMessage> {
    prop_oneof![
        Just(AgentMessage::Hello),
        (any_pod(), any_roles(), any::<bool>()).prop_map(|(pod, roles, more)| AgentMessage::Added {
            pod,
            roles,
            more
        }),
        any_pod().prop_map(AgentMessage::Kept),
        any_reference().prop_map(AgentMessage::Stopping),
        any_reference().prop_map(AgentMessage::Removed),
        Just(AgentMessage::SnapshotSent),
        any_reference().prop_map(AgentMessage::ReturnListeners),
    ]
}

fn any_state() -> impl Strategy<Value = PodState> {
    prop_oneof![
        "\\PC{0,200}".prop_map(PodState::Waiting),
        Just(PodState::Carrying),
        "\\PC{0,200}".prop_map(PodState::Failed),
        Just(PodState::Released),
        Just(PodState::Gone),
    ]
}

fn any_node_message() -> impl Strategy<Value = NodeMessage> {
    let carried = prop::collection::vec(any_reference(), 0..=MOST_CARRIED);
    prop_oneof![
        ("\\PC{0,60}", carried, any::<bool>()).prop_map(|(program, carried, more)| NodeMessage::Hello {
            program,
            carried,
            more
        }),
        (any_reference(), any_state()).prop_map(|(pod, state)| NodeMessage::State { pod, state }),
        (any_reference(), any_roles(), any::<bool>()).prop_map(|(pod, roles, more)| NodeMessage::Returned {
            pod,
            roles,
            more
        }),
        (any_reference(), any::<bool>()).prop_map(|(pod, strict)| NodeMessage::Strictness { pod, strict }),
    ]
}

proptest! {
    #[test]
    fn what_the_agent_says_survives_the_wire(message in any_agent_message()) {
        let bytes = message.encode();
        prop_assert!(bytes.len() <= LARGEST_PACKET);
        prop_assert_eq!(AgentMessage::decode(&bytes, message.descriptors()), Ok(message));
    }

    #[test]
    fn what_the_node_proxy_says_survives_the_wire(message in any_node_message()) {
        let bytes = message.encode();
        prop_assert!(bytes.len() <= LARGEST_PACKET);
        prop_assert_eq!(NodeMessage::decode(&bytes, message.descriptors()), Ok(message));
    }
}

#[test]
fn descriptors_that_the_message_does_not_describe_are_refused() {
    let role = Role { kind: Listening::Hbone, family: Family::V6 };
    let added = AgentMessage::Added { pod: pod("web", 1), roles: vec![role], more: false }.encode();
    for found in [0, 2] {
        let refused = AgentMessage::decode(&added, found);
        assert_eq!(refused, Err(Malformed::Descriptors { described: 1, found }));
    }
    let state = NodeMessage::State { pod: reference("web", 1), state: PodState::Gone }.encode();
    let refused = NodeMessage::decode(&state, 1);
    assert_eq!(refused, Err(Malformed::Descriptors { described: 0, found: 1 }));
}

#[test]
fn what_is_no_message() {
    let hello = |version| Some(Node::Hello(wire::NodeHello { version, ..Default::default() }));
    let too_many = vec![wire::PodReference::from(&reference("web", 1)); MOST_CARRIED + 1];
    let too_many = wire::NodeHello { version: 1, carried: too_many, ..Default::default() };
    let pod = Some(wire::PodReference::from(&reference("web", 1)));
    let no_state = wire::PodState { pod: pod.clone(), ..Default::default() };
    let long = wire::PodState { pod, state: 2, reason: "x".repeat(LONGEST_REASON + 1) };
    let cases = [
        (None, Malformed::Empty),
        (hello(2), Malformed::Version(2)),
        (
            Some(Node::Hello(too_many)),
            Malformed::TooLong { what: "the hello's list of Pods", most: MOST_CARRIED },
        ),
        (Some(Node::State(no_state)), Malformed::Number { what: "Pod state", number: 0 }),
        (Some(Node::State(long)), Malformed::TooLong { what: "the reason", most: LONGEST_REASON }),
        (
            Some(Node::Strictness(wire::Strictness::default())),
            Malformed::Pod(InvalidPod::Missing("reference")),
        ),
    ];
    for (message, expected) in cases {
        let bytes = wire::NodeMessage { message }.encode_to_vec();
        assert_eq!(NodeMessage::decode(&bytes, 0), Err(expected));
    }
    assert!(matches!(NodeMessage::decode(&[0xff; 3], 0), Err(Malformed::Encoding(_))));
}

#[test]
fn long_reasons_are_cut_at_a_character() {
    let reason = format!("{}ü", "x".repeat(LONGEST_REASON - 1));
    let bytes = NodeMessage::State { pod: reference("web", 1), state: PodState::Failed(reason) }.encode();
    let Ok(NodeMessage::State { state: PodState::Failed(cut), .. }) = NodeMessage::decode(&bytes, 0) else {
        panic!()
    };
    assert_eq!(cut, "x".repeat(LONGEST_REASON - 1));
}

/// Later versions may add fields, which are skipped, and messages, which are reported.
#[test]
fn a_message_of_a_later_version_is_empty() {
    let field_15 = [0x7a, 0x00];
    assert_eq!(AgentMessage::decode(&field_15, 0), Err(Malformed::Empty));
}
