use super::*;
use crate::agent_file::{AgentFile, GONE_AFTER};

fn found(touched: SystemTime) -> Found {
    Found { file: Some(AgentFile { enrolled: ["shop", "kube-system"].map(str::to_owned).into() }), touched }
}

fn damaged(found: &Found) -> Found {
    Found { file: None, ..found.clone() }
}

#[test]
fn only_pods_of_enrolled_namespaces_must_be_known_of() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let exempt = ["kube-system", "karez-system"].map(str::to_owned).into();
    let (alive, gone) = (found(now), found(now - GONE_AFTER - Duration::from_secs(1)));
    let cases = [
        ("shop", None, Decision::Pass(Reason::NoAgent)),
        ("shop", Some(&alive), Decision::Ask(Urgency::MustKnow)),
        ("shop", Some(&gone), Decision::Pass(Reason::AgentGone)),
        ("shop", Some(&damaged(&alive)), Decision::Ask(Urgency::MayPass)),
        ("shop", Some(&damaged(&gone)), Decision::Pass(Reason::AgentGone)),
        ("other", Some(&alive), Decision::Ask(Urgency::MayPass)),
        ("other", Some(&gone), Decision::Pass(Reason::AgentGone)),
        ("karez-system", Some(&alive), Decision::Pass(Reason::Exempt)),
        ("kube-system", Some(&alive), Decision::Pass(Reason::Exempt)),
        ("kube-system", Some(&damaged(&alive)), Decision::Pass(Reason::Exempt)),
    ];
    for (namespace, file, decision) in cases {
        assert_eq!(decide(namespace, &exempt, file, now, GONE_AFTER * 2), decision, "{namespace}");
    }
    assert_eq!(
        decide("shop", &exempt, Some(&gone), now, Duration::from_secs(5)),
        Decision::Ask(Urgency::MustKnow),
        "a node that has just started waits for its agent"
    );
}
