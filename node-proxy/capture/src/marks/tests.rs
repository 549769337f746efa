use super::*;

#[test]
fn a_pods_mark_says_outbound_and_has_a_secret() {
    for random in [0, 1, MASK, 0x1000, 0xdead_beef, u32::MAX] {
        let Mark(mark) = PodMark::new(random).mark();
        assert_eq!(mark & MASK, OUTBOUND.0, "{random:#x}");
        assert_ne!(mark, OUTBOUND.0, "{random:#x}: everybody knows a ztunnel's mark");
    }
    assert_ne!(PodMark::new(0x1000), PodMark::new(0x2000));
}

#[test]
fn a_secret_is_not_printed() {
    assert_eq!(format!("{:?}", PodMark::new(0xabcd_e000)), "PodMark(..)");
}
