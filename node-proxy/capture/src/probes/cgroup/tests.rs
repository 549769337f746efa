use super::*;

#[test]
fn kubelet_is_known_by_its_cgroup_where_it_has_one() {
    let cgroup = |path: &str| Creator::Cgroup(path.to_owned());
    let table = [
        ("0::/system.slice/kubelet.service\n", cgroup("system.slice/kubelet.service")),
        ("12:memory:/node\n1:name=systemd:/node\n0::/node/kubelet\n", cgroup("node/kubelet")),
        // The root holds every process that has no other.
        ("0::/\n", Creator::Root),
        // Version 1 alone.
        ("12:memory:/node\n", Creator::Root),
        ("", Creator::Root),
        // Outside of what this namespace shows.
        ("0::/../kubelet.service\n", Creator::Root),
        ("0::/a\" accept\n", Creator::Root),
    ];
    for (cgroups, expected) in table {
        assert_eq!(creator(cgroups), expected, "{cgroups:?}");
    }
}
