use std::fs::File;
use std::sync::Arc;

use karez_api::identity::Identity;
use karez_capture::netns::NamespaceId;
use karez_handover::listener::{Family, Listener, Listening, Role};
use karez_handover::pod::{EnrolledPod, PodReference, PodUid};
use karez_hbone::member::Member;
use karez_link::certificates::State;
use karez_tunnel::window::{Budget, Limits};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::{CarriedPod, Polled, WorkerAssignment};
use crate::pod::connection_quota::ProcessQuota;
use crate::pod::{NodeLocation, Pod};
use crate::stock::PodStock;

pub(crate) fn pod(runtime: &Runtime, name: &str, inode: u64) -> Arc<Pod> {
    let uid = PodUid::new(name).unwrap();
    let sandbox = NamespaceId { device: 4, inode };
    let reference = PodReference { uid, sandbox };
    let enrolled = EnrolledPod::new(reference.clone(), "shop", name, "web", Vec::new()).unwrap();
    let local = NodeLocation { cluster: "c".into(), node: "n1".into() }.local_pod(&enrolled);
    let identity = Identity::new("cluster.local", "shop", "web").unwrap();
    let (_, certificate) = watch::channel(State::Waiting { problem: None });
    let (agent, _) = karez_handover::stock::connect(&"@nobody".parse().unwrap(), None);
    let stock = PodStock::new(reference, agent, runtime.handle().clone());
    let account = Budget::new(Limits::default()).account();
    let member = Member { local, name: Arc::clone(&enrolled.name), identity, certificate, account };
    Arc::new(Pod::new(enrolled.into(), member, stock, ProcessQuota::new(100).of_pod(4, 10)))
}

fn listeners() -> Arc<[Listener]> {
    let descriptor = Arc::new(File::open("/dev/null").unwrap().into());
    [Listening::Outbound, Listening::Hbone, Listening::InboundPlaintext]
        .map(|kind| Listener { role: Role { kind, family: Family::V4 }, descriptor: Arc::clone(&descriptor) })
        .into()
}

/// The positions of the listeners that are polled.
fn polled(runtime: &Runtime, polled: Polled) -> (Vec<usize>, WorkerAssignment) {
    let carried = CarriedPod { pod: pod(runtime, "web", 8), listeners: listeners(), polled };
    let assignment = WorkerAssignment::of([carried].iter());
    let mut positions: Vec<_> = assignment.listeners.keys().map(|(_, position)| *position).collect();
    positions.sort_unstable();
    (positions, assignment)
}

#[test]
fn every_listener_is_polled() {
    let runtime = Runtime::new().unwrap();
    assert_eq!(polled(&runtime, Polled::All).0, [0, 1, 2]);
}

#[test]
fn of_a_pod_that_leaves_only_what_was_redirected_is_taken() {
    let runtime = Runtime::new().unwrap();
    assert_eq!(polled(&runtime, Polled::Redirected).0, [0, 2]);
}

#[test]
fn a_pod_that_takes_nothing_is_known_all_the_same() {
    let runtime = Runtime::new().unwrap();
    let (positions, assignment) = polled(&runtime, Polled::Nothing);
    assert!(positions.is_empty());
    assert!(assignment.pods.contains_key("c//Pod/shop/web"));
}
