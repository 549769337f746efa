use super::*;

#[test]
fn who_can_be_the_agent() {
    let all = caps::all();
    let without = |capability| all.difference(&CapsHashSet::from([capability])).copied().collect();
    let cases: [(&str, u32, CapsHashSet, Option<&str>); 5] = [
        ("root", 0, all.clone(), None),
        ("root of a container", 0, CapsHashSet::from(NEEDED), None),
        ("somebody with capabilities", 1000, all.clone(), Some("uid 1000")),
        ("nobody", 65534, CapsHashSet::new(), Some("has to run as root")),
        ("root without one", 0, without(Capability::CAP_SYS_PTRACE), Some("CAP_SYS_PTRACE is missing")),
    ];
    for (case, uid, held, expected) in cases {
        let found = check(Uid::from_raw(uid), &held).err().map(|error| error.to_string());
        let is_as_expected = match (&found, expected) {
            (Some(found), Some(part)) => found.contains(part),
            (found, expected) => found.is_none() && expected.is_none(),
        };
        assert!(is_as_expected, "{case}: {found:?}");
    }
}
