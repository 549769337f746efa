use super::*;
use crate::check::findings;
use crate::check::process::{ProcessStatus, UserNamespace};

fn pod() -> CheckedPod {
    let process = |pid, permitted: &[Capability]| PodProcess {
        pid,
        status: ProcessStatus {
            command: "app".to_owned(),
            uid: 4242,
            permitted: permitted.iter().copied().collect(),
            ..ProcessStatus::default()
        },
        user_namespace: UserNamespace::Node,
    };
    let processes = vec![process(7, &[]), process(8, &[Capability::NetRaw])];
    CheckedPod {
        name: "shop/web".to_owned(),
        uncaptured: None,
        network: Ok(PodNetwork { unprivileged_ports: 1024, processes }),
    }
}

#[test]
fn the_table_has_the_processes_that_matter() {
    let pods = [pod()];
    let shown = text(&pods, &findings(&pods));
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines[0], "Pods: 1, processes in them: 2");
    assert_eq!(lines[2], "POD       PID  COMMAND  UID   HAS      MAY GAIN");
    assert_eq!(lines[3], "shop/web  8    app      4242  NET_RAW  -");
    assert_eq!(lines[5], "Found:");
    assert_eq!(lines.len(), 7);
}

#[test]
fn without_findings_it_says_so() {
    assert_eq!(text(&[], &[]), "Pods: 0, processes in them: 0\n\nNothing was found.\n");
}

#[test]
fn scripts_get_every_process() {
    let pods = [pod()];
    let json = serde_json::to_value(CheckView::of(&pods, &findings(&pods))).unwrap();
    let processes = json["pods"][0]["processes"].as_array().unwrap();
    assert_eq!(processes.len(), 2);
    assert_eq!(processes[1]["holds"], serde_json::json!(["NET_RAW"]));
    assert_eq!(json["findings"].as_array().unwrap().len(), 1);
}
