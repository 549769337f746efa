use super::*;

fn rules(addresses: &[&str], pods: &[&str]) -> ProbeRules {
    ProbeRules {
        addresses: addresses.iter().map(|it| it.parse().unwrap()).collect(),
        pods: pods.iter().map(|it| it.parse().unwrap()).collect(),
    }
}

fn kubelet() -> Creator {
    Creator::Cgroup("system.slice/kubelet.service".to_owned())
}

#[test]
fn only_kubelets_connections_to_captured_pods_get_the_probe_address() {
    let text = rules(&["169.254.75.97"], &["10.0.0.2", "10.0.0.1", "fd00::1"]).render(Some(&kubelet()));
    for line in [
        "elements = { 10.0.0.1, 10.0.0.2 }",
        "tcp flags & (fin | syn | rst | ack) == syn ip daddr @ip-pods socket cgroupv2 level 2 \"system.slice/kubelet.service\" \
         add @ip-probes { ip saddr . tcp sport . ip daddr . tcp dport } accept",
        "tcp flags & (fin | syn | rst | ack) == syn ip daddr @ip-pods delete @ip-probes { ip saddr . tcp sport . ip daddr . tcp dport }",
        "ip saddr . tcp sport . ip daddr . tcp dport @ip-probes snat ip to 169.254.75.97",
    ] {
        assert!(text.lines().any(|it| it.trim() == line), "no {line:?} in\n{text}");
    }
    assert!(!text.contains("ip6"), "no address is exempt of a family without one:\n{text}");
}

#[test]
fn nobody_else_bears_a_probe_address() {
    let text = rules(&["169.254.75.97", "fd4b::1"], &[]).render(Some(&kubelet()));
    for line in ["ip saddr 169.254.75.97 drop", "ip6 saddr fd4b::1 drop"] {
        assert_eq!(text.lines().filter(|it| it.trim() == line).count(), 2, "arriving and leaving:\n{text}");
    }
    assert!(!text.contains("elements"), "nft refuses a set with an empty list:\n{text}");
}

#[test]
fn a_kubelet_without_a_cgroup_is_known_by_its_user() {
    let text = rules(&["169.254.75.97"], &["10.0.0.1"]).render(Some(&Creator::Root));
    assert!(text.contains("@ip-pods meta skuid 0 add"), "{text}");
    assert!(!text.contains("cgroup"), "{text}");
}

#[test]
fn without_kubelet_nothing_is_exempt_and_nobody_bears_a_probe_address() {
    let text = rules(&["169.254.75.97"], &["10.0.0.1"]).render(None);
    assert_eq!(text.matches("ip saddr 169.254.75.97 drop").count(), 2, "{text}");
    assert!(!text.contains("snat") && !text.contains("add @"), "{text}");
}

#[test]
fn a_bridge_carries_no_probe_address() {
    let text = rules(&["169.254.75.97", "fd4b::1"], &[]).render_bridge();
    for line in ["ip saddr 169.254.75.97 drop", "ip6 saddr fd4b::1 drop"] {
        assert!(text.lines().any(|it| it.trim() == line), "{text}");
    }
}
