use karez_resources::{Kind, Problem};
use karez_translate::{Effect, Report};

use super::*;

fn seen(condition: Option<Condition>, generation: i64) -> Seen {
    Seen { generation, condition, spec: None, last_good_spec: None }
}

fn condition_due(seen: &Seen, verdict: &Verdict) -> Option<Condition> {
    due(seen, verdict).map(|change| change.condition)
}

#[test]
fn a_spec_is_kept_once_it_is_in_force() {
    let text = |text: &str| Some(Arc::<str>::from(text));
    let good = Verdict::default();
    let bad = Verdict { accepted: false, reason: "Invalid", message: "spec: no".to_owned() };
    let condition = condition_due(&seen(None, 1), &good);
    let seen = |spec: &str, kept: Option<&str>| Seen {
        generation: 1,
        condition: condition.clone(),
        spec: text(spec),
        last_good_spec: kept.and_then(text),
    };
    let table = [
        ("nothing is kept", seen("{}", None), &good, Some("{}")),
        ("another is kept", seen("{}", Some(r#"{"action":"Deny"}"#)), &good, Some("{}")),
        ("it is kept", seen("{}", Some("{}")), &good, None),
        ("it cannot be read", seen("{}", None), &bad, None),
        ("it is too long", seen(&"x".repeat(MOST_SPEC + 1), None), &good, None),
    ];
    for (what, seen, verdict, expected) in table {
        let kept = due(&seen, verdict).and_then(|change| change.last_good_spec);
        assert_eq!(kept.as_deref(), expected, "{what}");
    }
    assert_eq!(due(&seen("{}", Some("{}")), &good), None);
}

#[test]
fn a_condition_is_written_once_and_its_time_is_that_of_its_last_turn() {
    let good = Verdict::default();
    let bad = Verdict { accepted: false, reason: "Invalid", message: "spec: no".to_owned() };
    let first = condition_due(&seen(None, 1), &good).unwrap();
    assert_eq!((&*first.status, first.observed_generation), ("True", Some(1)));
    assert_eq!(condition_due(&seen(Some(first.clone()), 1), &good), None);
    // A new generation that is as good as the one before.
    let second = condition_due(&seen(Some(first.clone()), 2), &good).unwrap();
    assert_eq!(
        (second.observed_generation, &second.last_transition_time),
        (Some(2), &first.last_transition_time)
    );
    let third = condition_due(&seen(Some(second), 2), &bad).unwrap();
    assert_eq!((&*third.status, &*third.reason, &*third.message), ("False", "Invalid", "spec: no"));
    assert_eq!(condition_due(&seen(Some(third), 2), &bad), None);
}

fn key() -> Key {
    Key::new(Kind::AuthorizationPolicy, "shop", "only-web")
}

fn sighting(generation: i64) -> Sighting {
    Sighting::There { key: key(), generation, condition: None, spec: None, last_good_spec: None }
}

/// What is published once that generation has been taken in, with what is wrong with it.
fn published(generation: i64, message: Option<&str>) -> Published {
    let Key { namespace, name, .. } = key();
    let report = |message: &str| Report {
        source: String::new(),
        problem: Problem {
            kind: Kind::AuthorizationPolicy.as_str().to_owned(),
            namespace: namespace.clone(),
            name: name.clone(),
            field: String::new(),
            line: None,
            message: message.to_owned(),
        },
        effect: Effect::Refused,
    };
    Published {
        pods: Some(Default::default()),
        problems: message.into_iter().map(report).collect(),
        generations: [(key(), generation)].into_iter().collect(),
        ..Published::default()
    }
}

fn next_status(objects: &mut Objects, now: Instant) -> Option<(String, Option<i64>)> {
    objects.next_due(now).map(|(_, change)| (change.condition.status, change.condition.observed_generation))
}

#[test]
fn nothing_is_accepted_before_everything_was_seen_once() {
    let (mut objects, now) = (Objects::default(), Instant::now());
    objects.see(sighting(1));
    assert_eq!(objects.next_due(now), None);
    objects.judge(&Published { pods: None, ..published(1, None) });
    objects.look_at_all();
    assert_eq!(objects.next_due(now), None);
    objects.judge(&published(1, Some("no")));
    assert_eq!(next_status(&mut objects, now), Some(("False".to_owned(), Some(1))));
}

#[test]
fn a_verdict_counts_for_the_generation_that_it_is_about() {
    let (mut objects, now) = (Objects::default(), Instant::now());
    objects.judge(&published(1, None));
    // The edit is seen before it has been judged.
    objects.see(sighting(2));
    assert_eq!(objects.next_due(now), None);
    objects.judge(&published(2, Some("no")));
    assert_eq!(next_status(&mut objects, now), Some(("False".to_owned(), Some(2))));
    // It has been judged before it is seen.
    objects.judge(&published(3, None));
    assert_eq!(objects.next_due(now), None);
    objects.see(sighting(3));
    assert_eq!(next_status(&mut objects, now), Some(("True".to_owned(), Some(3))));
}

#[test]
fn a_write_that_fails_is_tried_again_later_and_later() {
    let (mut objects, start) = (Objects::default(), Instant::now());
    objects.see(sighting(1));
    objects.judge(&published(1, None));
    let (mut now, mut pause) = (start, FIRST_PAUSE);
    for _ in 0..10 {
        let (key, _) = objects.next_due(now).unwrap();
        objects.failed(key, now);
        // Whatever is seen meanwhile.
        objects.see(sighting(1));
        assert_eq!(objects.next_due(now + pause - Duration::from_millis(1)), None);
        now += pause;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    let (key, change) = objects.next_due(now).unwrap();
    objects.written(&key, change);
    assert_eq!(objects.next_due(now + LONGEST_PAUSE), None);
}
