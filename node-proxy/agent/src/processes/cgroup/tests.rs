use proptest::prelude::*;

use super::*;

const UID: &str = "0f2b4c6d-8e9a-4b1c-8d2e-3f4a5b6c7d8e";
const UNDERSCORED: &str = "0f2b4c6d_8e9a_4b1c_8d2e_3f4a5b6c7d8e";
const HASH: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn pods_are_known_by_either_driver_and_version() {
    let cases = [
        format!("0::/kubepods/burstable/pod{UID}/c1"),
        format!("0::/node-1/kubepods/pod{UID}/c1"),
        format!(
            "12:cpu,cpuacct:/kubepods/besteffort/pod{UID}/c1\n1:name=systemd:/kubepods/besteffort/pod{UID}/c1\n0::/"
        ),
        format!(
            "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UNDERSCORED}.slice/cri-containerd-c1.scope"
        ),
        format!("0::/kubepods.slice/kubepods-pod{UNDERSCORED}.slice/crio-c1.scope/container"),
        // From another cgroup namespace.
        format!("0::/../../pod{UID}/c1"),
        format!("0::/../kubepods-besteffort-pod{UNDERSCORED}.slice/cri-containerd-c1.scope"),
        // A node in a container.
        format!(
            "0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{UNDERSCORED}.slice/cri-containerd-c1.scope"
        ),
        // Something in the Pod names another one.
        format!("0::/kubepods/pod{UID}/c1/pod{HASH}"),
    ];
    for cgroups in cases {
        assert_eq!(pod_uid(&cgroups).as_deref(), Some(UID), "{cgroups}");
    }
    assert_eq!(pod_uid(&format!("0::/kubepods/pod{HASH}/c1")).as_deref(), Some(HASH), "a static Pod");
}

#[test]
fn processes_of_the_node_belong_to_none() {
    let cases = [
        String::new(),
        "0::/".to_owned(),
        "0::/system.slice/kubelet.service".to_owned(),
        "0::/kubepods.slice/kubepods-burstable.slice".to_owned(),
        "0::/podman/container".to_owned(),
        "0::/machine.slice/libpod-0123.scope".to_owned(),
        format!("0::/x{UID}"),
        format!("kubepods/pod{UID}"),
    ];
    for cgroups in cases {
        assert_eq!(pod_uid(&cgroups), None, "{cgroups}");
    }
}

proptest! {
    #[test]
    fn any_text_has_a_uid_or_none(text in "[\\PC\n:/]{0,200}") {
        if let Some(uid) = pod_uid(&text) {
            prop_assert!(is_uid(&uid));
        }
    }
}
