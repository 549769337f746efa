use std::sync::Arc;

use karez_link::discovery::{Status, Synced};
use tokio::sync::watch;

use super::*;
use crate::kernel::fake::Fake;
use crate::pod_task::tests::world::world;

fn pod(uid: &str, membership: Membership) -> LocalPod {
    LocalPod {
        uid: uid.to_owned(),
        namespace: "shop".to_owned(),
        name: "web".to_owned(),
        service_account: "web".to_owned(),
        addresses: Vec::new(),
        membership,
    }
}

fn pods(of: &[LocalPod]) -> Arc<LocalPods> {
    Arc::new(of.iter().map(|pod| (pod.uid.clone(), pod.clone())).collect())
}

fn request(uid: Option<&str>, netns: &str) -> AddRequest {
    AddRequest {
        namespace: "shop".to_owned(),
        name: "web".to_owned(),
        uid: uid.map(str::to_owned),
        netns: netns.into(),
    }
}

struct View {
    pods: watch::Sender<Arc<LocalPods>>,
    _synced: watch::Sender<Synced>,
    _status: watch::Sender<Status>,
}

fn new_pods(handle: &EnrolmentHandle<Fake>, connected: bool) -> (View, NewPods<Fake>) {
    let (pods, pods_view) = watch::channel(Arc::default());
    let (synced, synced_view) = watch::channel(Synced::Waiting);
    let (status, status_view) = watch::channel(Status { connected, ..Status::default() });
    let (_, namespaces) = watch::channel(Arc::default());
    let view = LocalPodsView { pods: pods_view, namespaces, synced: synced_view, status: status_view };
    let new_pods = NewPods::new(handle.clone(), view, "/host/proc".into(), Uninstall::new(None));
    (View { pods, _synced: synced, _status: status }, new_pods)
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_captured_as_the_controller_says() {
    let (_folder, agent, _node) = world();
    let (view, new_pods) = new_pods(&agent.handle, true);
    view.pods.send_replace(pods(&[pod("u1", Membership::Enrolled)]));
    let reply = new_pods.add(&request(Some("u1"), "/web")).await.unwrap();
    assert!(reply.captured);
    let status = agent.status("web").await.unwrap();
    assert_eq!((status.uid.as_str(), status.service_account.as_str(), status.captured), ("u1", "web", true));
    assert!(matches!(
        new_pods.add(&request(Some("u1"), "/none")).await,
        Err(AddError::Enrolment(RequestError::Namespace(_)))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_pod_outside_the_mesh_and_a_node_proxy_just_start() {
    let (_folder, agent, _node) = world();
    let (view, new_pods) = new_pods(&agent.handle, true);
    for membership in [Membership::NotEnrolled, Membership::NodeProxy] {
        view.pods.send_replace(pods(&[pod("u1", membership)]));
        assert!(!new_pods.add(&request(Some("u1"), "/web")).await.unwrap().captured);
    }
    view.pods.send_replace(pods(&[pod("u1", Membership::Enrolled)]));
    new_pods.uninstall.request().await;
    assert!(
        !new_pods.add(&request(Some("u1"), "/web")).await.unwrap().captured,
        "the mesh is being uninstalled"
    );
    assert!(agent.status("web").await.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_controllers_word_is_waited_for_while_it_may_come() {
    let (_folder, agent, _node) = world();
    let (view, new_pods_of_controller) = new_pods(&agent.handle, true);
    let late = async {
        tokio::time::sleep(TOLD_WITHIN / 2).await;
        view.pods.send_replace(pods(&[pod("u1", Membership::Enrolled)]));
    };
    let asked = request(Some("u1"), "/web");
    let (reply, ()) = tokio::join!(new_pods_of_controller.add(&asked), late);
    assert!(reply.unwrap().captured);
    let other = request(Some("u2"), "/web");
    assert!(matches!(new_pods_of_controller.add(&other).await, Err(AddError::Unknown(_))));
    let (_view, alone) = new_pods(&agent.handle, false);
    let begin = tokio::time::Instant::now();
    assert!(matches!(alone.add(&other).await, Err(AddError::Unknown(_))));
    assert!(begin.elapsed() < TOLD_WITHIN, "without a controller nobody waits");
}

#[tokio::test(start_paused = true)]
async fn without_a_uid_a_pods_successor_does_not_take_its_place() {
    let (_folder, agent, _node) = world();
    agent.context.kernel.add("/successor", 11);
    let (view, new_pods) = new_pods(&agent.handle, true);
    view.pods.send_replace(pods(&[pod("u1", Membership::Enrolled)]));
    for _ in 0..2 {
        assert!(new_pods.add(&request(None, "/web")).await.unwrap().captured, "the same one again");
    }
    let successor = new_pods.add(&request(None, "/successor")).await;
    assert!(matches!(successor, Err(AddError::Unknown(_))), "{successor:?}");
    assert_eq!(agent.status("web").await.unwrap().netns.to_str(), Some("/web"));
    assert!(new_pods.add(&request(Some("u1"), "/successor")).await.unwrap().captured, "a new sandbox");
}

#[test]
fn without_a_uid_a_name_has_to_be_one_pods_alone() {
    let (first, second) = (pod("u1", Membership::Enrolled), pod("u2", Membership::Enrolled));
    let by_name = request(None, "/web");
    assert_eq!(find(&pods(std::slice::from_ref(&first)), &by_name), Some(&first));
    assert_eq!(find(&pods(&[first.clone(), second.clone()]), &by_name), None);
    assert_eq!(find(&pods(&[first, second.clone()]), &request(Some("u2"), "/web")), Some(&second));
}

#[test]
fn a_runtimes_path_leads_to_the_same_namespace_in_the_agents_container() {
    let cases = [
        ("/run/netns/cni-1", "/run/netns/cni-1"),
        ("/var/run/netns/cni-1", "/run/netns/cni-1"),
        ("/proc/42/ns/net", "/host/proc/42/ns/net"),
        ("/process/42", "/process/42"),
    ];
    for (told, here) in cases {
        assert_eq!(as_seen_here(Path::new(told), Path::new("/host/proc")), Path::new(here));
    }
}
