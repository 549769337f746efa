use super::*;
use Capability::{NetAdmin, NetRaw, SysAdmin, SysPtrace};

/// As the kernel writes it, cut short.
const STATUS: &str = "\
Name:\tsh\u{1b}[2J
Umask:\t0022
Uid:\t1000\t4242\t1000\t1000
Gid:\t1000\t1000\t1000\t1000
CapInh:\t0000000000000000
CapPrm:\t0000000000002000
CapEff:\t0000000000000000
CapBnd:\t00000000a80425fb
CapAmb:\t0000000000000000
NoNewPrivs:\t0
";

fn process(user_namespace: UserNamespace, permitted: &[Capability], bounding: &[Capability]) -> PodProcess {
    let set = |capabilities: &[Capability]| capabilities.iter().copied().collect();
    let status =
        ProcessStatus { permitted: set(permitted), bounding: set(bounding), ..ProcessStatus::default() };
    PodProcess { pid: 1, status, user_namespace }
}

#[test]
fn the_kernels_text_is_read() {
    let status = ProcessStatus::parse(STATUS).unwrap();
    assert_eq!((status.command.as_str(), status.uid, status.no_new_privileges), ("sh?[2J", 4242, false));
    let process = PodProcess { pid: 1, status, user_namespace: UserNamespace::Node };
    assert_eq!((process.holds(), process.may_gain()), (vec![NetRaw], vec![]));
}

#[test]
fn a_text_that_lacks_a_line_or_holds_another_value_is_none() {
    for line in ["Name", "Uid", "CapPrm", "CapBnd", "NoNewPrivs"] {
        let rest: Vec<_> = STATUS.lines().filter(|other| !other.starts_with(line)).collect();
        assert_eq!(ProcessStatus::parse(&rest.join("\n")), None, "without {line}");
    }
    assert_eq!(ProcessStatus::parse(&STATUS.replace("4242", "x")), None);
    assert_eq!(ProcessStatus::parse(&STATUS.replace("a80425fb", "x")), None);
    assert_eq!(ProcessStatus::parse(""), None);
}

#[test]
fn capabilities_count_where_their_user_namespace_has_power() {
    let all = [NetAdmin, NetRaw, SysAdmin, SysPtrace];
    for (user_namespace, counts) in [
        (UserNamespace::Node, &all[..]),
        (UserNamespace::PodOwner, &[NetAdmin, NetRaw]),
        (UserNamespace::Other, &[]),
    ] {
        assert_eq!(process(user_namespace, &all, &all).holds(), counts, "{user_namespace:?}");
        assert_eq!(process(user_namespace, &[], &all).may_gain(), counts, "{user_namespace:?}");
    }
}

#[test]
fn what_is_held_is_not_gained_and_nothing_is_gained_without_new_privileges() {
    let mut process = process(UserNamespace::Node, &[NetRaw], &[NetRaw, NetAdmin]);
    assert_eq!((process.holds(), process.may_gain()), (vec![NetRaw], vec![NetAdmin]));
    process.status.no_new_privileges = true;
    assert_eq!((process.holds(), process.may_gain()), (vec![NetRaw], vec![]));
}
