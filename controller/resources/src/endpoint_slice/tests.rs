use super::*;

/// Of each condition: absent, true, false.
#[test]
fn readiness_is_as_kubernetes_reads_the_conditions() {
    use Readiness::{NotReady, Ready, Terminating};
    let table = [
        (None, None, None, Ready),
        (Some(true), None, None, Ready),
        (Some(true), Some(true), Some(false), Ready),
        // Where `publishNotReadyAddresses` says so.
        (Some(true), Some(false), Some(true), Ready),
        (Some(false), None, None, NotReady),
        (Some(false), Some(true), None, NotReady),
        (Some(false), Some(false), Some(true), NotReady),
        (Some(false), None, Some(true), NotReady),
        (Some(false), Some(true), Some(true), Terminating),
    ];
    for (ready, serving, terminating, expected) in table {
        let conditions = k8s::EndpointConditions { ready, serving, terminating };
        assert_eq!(Readiness::of(&conditions), expected, "{conditions:?}");
    }
}
