use super::*;

fn device(index: u32, name: &str, master: Option<u32>, below: Option<u32>) -> Device {
    Device { index, name: name.to_owned(), master, below }
}

#[test]
fn what_leaves_the_pod_passes_one_of_the_lowest() {
    let devices = Devices::of(&[
        device(1, "lo", None, None),
        device(2, "eth0", None, None),
        device(3, "docker0", None, None),
        device(4, "veth0", Some(3), None),
        device(5, "eth0.100", None, Some(2)),
        device(6, "odd\"name", None, None),
    ]);
    assert_eq!(devices.all, ["docker0", "eth0", "eth0.100", "veth0"]);
    assert_eq!(devices.lowest, ["eth0", "veth0"]);
    assert_eq!(Devices::of(&[device(1, "lo", None, None)]), Devices::default());
}
