use super::*;

fn seen(condition: Option<Condition>, generation: i64) -> Seen {
    Seen { generation, condition }
}

#[test]
fn a_condition_is_written_once_and_its_time_is_that_of_its_last_turn() {
    let good = Verdict::default();
    let bad = Verdict { accepted: false, reason: "Invalid", message: "spec: no".to_owned() };
    let first = due(&seen(None, 1), &good).unwrap();
    assert_eq!((&*first.status, first.observed_generation), ("True", Some(1)));
    assert_eq!(due(&seen(Some(first.clone()), 1), &good), None);
    // A new generation that is as good as the one before.
    let second = due(&seen(Some(first.clone()), 2), &good).unwrap();
    assert_eq!(
        (second.observed_generation, &second.last_transition_time),
        (Some(2), &first.last_transition_time)
    );
    let third = due(&seen(Some(second), 2), &bad).unwrap();
    assert_eq!((&*third.status, &*third.reason, &*third.message), ("False", "Invalid", "spec: no"));
    assert_eq!(due(&seen(Some(third), 2), &bad), None);
}
