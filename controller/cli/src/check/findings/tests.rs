use super::*;
use crate::check::process::{ProcessStatus, UserNamespace};

fn process(pid: u32, permitted: &[Capability], bounding: &[Capability]) -> PodProcess {
    let status = ProcessStatus {
        command: "app".to_owned(),
        permitted: permitted.iter().copied().collect(),
        bounding: bounding.iter().copied().collect(),
        ..ProcessStatus::default()
    };
    PodProcess { pid, status, user_namespace: UserNamespace::Node }
}

fn pod(processes: &[PodProcess]) -> CheckedPod {
    let network = PodNetwork { unprivileged_ports: 1024, processes: processes.to_vec() };
    CheckedPod { name: "shop/web".to_owned(), uncaptured: None, network: Ok(network) }
}

#[test]
fn a_pod_that_can_do_no_harm_is_not_named() {
    assert_eq!(findings(&[pod(&[]), pod(&[process(1, &[], &[])])]), []);
}

#[test]
fn each_capability_is_named_once_with_its_first_process() {
    use Capability::{NetAdmin, NetRaw};
    let processes =
        [process(1, &[], &[]), process(2, &[NetRaw], &[NetRaw, NetAdmin]), process(3, &[NetRaw], &[])];
    let found = findings(&[pod(&processes)]);
    let capability = |capability, is_held, others| Finding::Capability {
        pod: "shop/web".to_owned(),
        capability,
        is_held,
        first: ("app".to_owned(), 2),
        others,
    };
    assert_eq!(found, [capability(NetAdmin, false, 0), capability(NetRaw, true, 1)]);
    let words: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert!(words[0].starts_with("Pod shop/web: app (pid 2) may gain NET_ADMIN from"), "{words:?}");
    assert!(words[1].starts_with("Pod shop/web: app (pid 2) and 1 more has NET_RAW: it can"), "{words:?}");
}

#[test]
fn a_pod_without_rules_or_that_cannot_be_looked_into_is_named() {
    let mut broken = pod(&[]);
    broken.uncaptured = Some("no rules".to_owned());
    broken.network = Err("it is gone".to_owned());
    let words: Vec<_> = findings(&[broken]).iter().map(ToString::to_string).collect();
    assert_eq!(words, ["Pod shop/web: not captured: no rules", "Pod shop/web: not checked: it is gone"]);
}

#[test]
fn the_meshs_ports_must_not_be_reserved() {
    for (start, is_found) in [(0, false), (1024, false), (15001, false), (15002, true), (u16::MAX, true)] {
        let mut pod = pod(&[]);
        pod.network = Ok(PodNetwork { unprivileged_ports: start, processes: Vec::new() });
        assert_eq!(!findings(&[pod]).is_empty(), is_found, "{start}");
    }
}
