use std::collections::{BTreeSet, HashMap};

use karez_api::discovery::Status;
use proptest::prelude::*;
use prost_types::{Struct, Value};

use super::*;
use crate::catalog::Resources;

const TYPES: [ResourceType; 2] = [ResourceType::Namespace, ResourceType::Authorization];

fn request(resource_type: ResourceType) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest { type_url: resource_type.url().to_owned(), ..Default::default() }
}

#[test]
fn the_token_says_which_node_it_is() {
    let named = |name: &str| {
        let value = Value { kind: Some(Kind::StringValue(name.to_owned())) };
        let metadata = Struct { fields: [(NODE_NAME.to_owned(), value)].into() };
        let node = Node { metadata: Some(metadata), ..Default::default() };
        DeltaDiscoveryRequest { node: Some(node), ..request(ResourceType::Address) }
    };
    assert_eq!(Conversation::new("a", Visibility::Mesh).receive(named("a")), Ok(()));
    assert_eq!(Conversation::new("a", Visibility::Mesh).receive(request(ResourceType::Address)), Ok(()));
    let refused = Conversation::new("a", Visibility::Mesh).receive(named("b"));
    assert_eq!(refused, Err(Violation::OtherNode { token: "a".to_owned(), client: "b".to_owned() }));
}

#[test]
fn a_type_that_does_not_exist_is_empty_and_there_are_not_many() {
    let mut conversation = Conversation::new("a", Visibility::Mesh);
    for number in 0..=MAX_TYPES {
        let unknown = DeltaDiscoveryRequest { type_url: number.to_string(), ..Default::default() };
        let expected = if number < MAX_TYPES { Ok(()) } else { Err(Violation::TooManyTypes) };
        assert_eq!(conversation.receive(unknown), expected);
    }
    let response = conversation.next(&Arc::default()).unwrap();
    assert!(response.resources.is_empty() && response.removed_resources.is_empty());
    assert!(conversation.progress().is_empty());
}

#[test]
fn parts_are_small_and_the_last_alone_bears_the_version() {
    let body = vec![b'x'; PART_SIZE / 2];
    let bodies = ["a", "b", "c"].map(|name| (name.to_owned(), body.clone()));
    let resources = Resources::from([(ResourceType::Namespace, bodies.into())]);
    let present = Arc::new(Snapshot::default().succeed(resources));
    for (conversation, expected) in [
        (Conversation::new("a", Visibility::Mesh), vec![(3, true)]),
        (Conversation::new("a", Visibility::Mesh).in_parts(), vec![(1, false), (1, false), (1, true)]),
    ] {
        let mut conversation = conversation;
        conversation.receive(request(ResourceType::Namespace)).unwrap();
        let mut told = Vec::new();
        while let Some(response) = conversation.next(&present) {
            told.push((response.resources.len(), !response.system_version_info.is_empty()));
            let answer =
                DeltaDiscoveryRequest { response_nonce: response.nonce, ..request(ResourceType::Namespace) };
            conversation.receive(answer).unwrap();
        }
        assert_eq!(told, expected);
    }
}

#[test]
fn a_caller_is_told_of_nothing_that_it_may_not_see() {
    let bodies = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), vec![1])).collect();
    let resources = Resources::from([
        (ResourceType::LocalPod, bodies(&["a/1", "a/2", "ab/3", "b/4"])),
        (ResourceType::Namespace, bodies(&["shop"])),
        (ResourceType::TrustBundle, bodies(&["cluster.local"])),
    ]);
    let mut snapshot = Arc::new(Snapshot::default().succeed(resources.clone()));
    let agent = Visibility::LocalPods { node: "a".to_owned() };
    let told = |visibility: &Visibility, asked: &[&str], resource_type| {
        let mut conversation = Conversation::new("a", visibility.clone());
        let names = asked.iter().map(ToString::to_string).collect();
        let first = DeltaDiscoveryRequest { resource_names_subscribe: names, ..request(resource_type) };
        conversation.receive(first).unwrap();
        let response = conversation.next(&snapshot).unwrap();
        let names: Vec<_> = response.resources.into_iter().map(|resource| resource.name).collect();
        names.join(" ")
    };
    assert_eq!(told(&agent, &[], ResourceType::LocalPod), "a/1 a/2");
    assert_eq!(told(&agent, &["a/2", "b/4"], ResourceType::LocalPod), "a/2");
    assert_eq!(told(&agent, &[], ResourceType::Namespace), "shop");
    assert_eq!(told(&agent, &[], ResourceType::TrustBundle), "");
    assert_eq!(told(&Visibility::Mesh, &[], ResourceType::LocalPod), "");
    assert_eq!(told(&Visibility::Mesh, &["a/1"], ResourceType::LocalPod), "");
    assert_eq!(told(&Visibility::Mesh, &[], ResourceType::Namespace), "shop");

    // Another node's Pod comes, then one of its own.
    let mut conversation = Conversation::new("a", agent);
    conversation.receive(request(ResourceType::LocalPod)).unwrap();
    let response = conversation.next(&snapshot).unwrap();
    let answer = DeltaDiscoveryRequest { response_nonce: response.nonce, ..request(ResourceType::LocalPod) };
    conversation.receive(answer).unwrap();
    let mut with = |name: &str, conversation: &mut Conversation| {
        let mut resources = resources.clone();
        resources.entry(ResourceType::LocalPod).or_default().insert(name.to_owned(), vec![1]);
        snapshot = Arc::new(snapshot.succeed(resources));
        conversation.next(&snapshot)
    };
    assert!(with("ab/5", &mut conversation).is_none());
    assert_eq!(with("a/5", &mut conversation).unwrap().resources.len(), 1);
}

/// A client that keeps what it is told, and can come back with it.
#[derive(Default)]
struct Client {
    held: Content,
    unanswered: Vec<DeltaDiscoveryResponse>,
    /// On this stream.
    told_of: BTreeSet<String>,
}

/// Versions by type and name.
type Content = BTreeMap<String, BTreeMap<String, String>>;

fn content(snapshot: &Snapshot) -> Content {
    let of_type = |resource_type: ResourceType| {
        let view = snapshot.view(resource_type);
        let versions = view.entries().map(|entry| (entry.name().to_string(), entry.version().to_string()));
        (resource_type.url().to_owned(), versions.collect())
    };
    TYPES.map(of_type).into()
}

impl Client {
    fn connect(&mut self, conversation: &mut Conversation) {
        self.unanswered.clear();
        self.told_of.clear();
        for resource_type in TYPES {
            let held = self.held.get(resource_type.url()).cloned().unwrap_or_default();
            let versions: HashMap<String, String> = held.into_iter().collect();
            let first =
                DeltaDiscoveryRequest { initial_resource_versions: versions, ..request(resource_type) };
            conversation.receive(first).unwrap();
        }
    }

    fn hear(&mut self, response: DeltaDiscoveryResponse) {
        assert!(
            !self.unanswered.iter().any(|other| other.type_url == response.type_url),
            "one response per type is outstanding at a time"
        );
        let held = self.held.entry(response.type_url.clone()).or_default();
        for name in &response.removed_resources {
            held.remove(name);
        }
        for resource in &response.resources {
            let before = held.insert(resource.name.clone(), resource.version.clone());
            assert_ne!(before.as_ref(), Some(&resource.version), "{} was sent twice", resource.name);
        }
        self.told_of.insert(response.type_url.clone());
        self.unanswered.push(response);
    }

    /// Which moment it has reached, as the last response says; `None` when that was a part of one.
    fn moment(&self) -> Option<&str> {
        let version = &self.unanswered.last()?.system_version_info;
        (self.told_of.len() == TYPES.len() && !version.is_empty()).then_some(version)
    }

    fn answer(&mut self, which: usize, refuse: bool, conversation: &mut Conversation) {
        if self.unanswered.is_empty() {
            return;
        }
        let response = self.unanswered.remove(which % self.unanswered.len());
        let error = Status { code: 3, message: "no".to_owned() };
        let answer = DeltaDiscoveryRequest {
            type_url: response.type_url,
            response_nonce: response.nonce,
            error_detail: refuse.then_some(error),
            ..Default::default()
        };
        conversation.receive(answer).unwrap();
    }
}

#[derive(Debug, Clone)]
enum Event {
    Publish(BTreeMap<String, u8>, BTreeMap<String, u8>),
    Answer(usize, bool),
    Reconnect,
}

fn event() -> impl Strategy<Value = Event> {
    let content = || proptest::collection::btree_map("[a-e]", 0..3_u8, 0..5);
    prop_oneof![
        (content(), content()).prop_map(|(first, second)| Event::Publish(first, second)),
        (any::<usize>(), any::<bool>()).prop_map(|(which, refuse)| Event::Answer(which, refuse)),
        Just(Event::Reconnect),
    ]
}

fn succeed(snapshot: &Snapshot, contents: [BTreeMap<String, u8>; 2]) -> Snapshot {
    let encode =
        |content: BTreeMap<String, u8>| content.into_iter().map(|(name, byte)| (name, vec![byte])).collect();
    let resources: Resources = TYPES.into_iter().zip(contents.map(encode)).collect();
    snapshot.succeed(resources)
}

proptest! {
    /// However changes, answers, refusals and reconnections mix, a client ends up with what there is, is never sent what it
    /// has, and whenever a response bears a version it has exactly what there was in that moment.
    #[test]
    fn a_client_ends_up_with_what_there_is(events in proptest::collection::vec(event(), 0..40)) {
        let mut snapshot = Arc::new(Snapshot::default());
        let mut moments = BTreeMap::from([(snapshot.version().to_string(), content(&snapshot))]);
        let mut conversation = Conversation::new("a", Visibility::Mesh);
        let mut client = Client::default();
        client.connect(&mut conversation);
        for event in events {
            match event {
                Event::Publish(first, second) => {
                    snapshot = succeed(&snapshot, [first, second]).into();
                    moments.insert(snapshot.version().to_string(), content(&snapshot));
                }
                Event::Answer(which, refuse) => client.answer(which, refuse, &mut conversation),
                Event::Reconnect => {
                    conversation = Conversation::new("a", Visibility::Mesh);
                    client.connect(&mut conversation);
                }
            }
            while let Some(response) = conversation.next(&snapshot) {
                client.hear(response);
                if let Some(moment) = client.moment() {
                    prop_assert_eq!(&client.held, &moments[moment]);
                }
            }
        }
        loop {
            while let Some(response) = conversation.next(&snapshot) {
                client.hear(response);
            }
            if client.unanswered.is_empty() {
                break;
            }
            client.answer(0, false, &mut conversation);
        }
        prop_assert_eq!(client.held, content(&snapshot));
        for resource_type in TYPES {
            let acknowledged = conversation.progress()[&resource_type].acknowledged;
            prop_assert_eq!(acknowledged, Some(snapshot.view(resource_type).version()));
        }
    }
}
