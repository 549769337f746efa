use std::sync::Arc;

use karez_handover::pod::{EnrolledPod, NamespaceId, PodReference, PodUid};
use karez_process::readiness::Readiness;

use super::*;

#[test]
fn it_is_withdrawn_with_the_agent_and_comes_back_with_all_pods() {
    let sandbox = NamespaceId { device: 4, inode: 7 };
    let reference = PodReference { uid: PodUid::new("web").unwrap(), sandbox };
    let web = Arc::new(EnrolledPod::new(reference, "shop", "web", "web", Vec::new()).unwrap());
    let added = || PodEvent::Added(Arc::clone(&web), Arc::default());
    let events = [
        (PodEvent::Connected, false),
        (added(), false),
        (PodEvent::SnapshotSent, true),
        (added(), true),
        (PodEvent::Stopping(Arc::clone(&web)), true),
        (PodEvent::Removed(Arc::clone(&web)), true),
        (PodEvent::Disconnected, false),
        (PodEvent::Connected, false),
        (PodEvent::SnapshotSent, true),
        (PodEvent::Disconnected, false),
    ];
    let readiness = Readiness::new();
    let told = readiness.condition("pods from the agent");
    for (position, (event, is_ready)) in events.iter().enumerate() {
        follow(event, &told);
        assert_eq!(readiness.awaited().is_empty(), *is_ready, "after {event:?}, number {position}");
    }
}
