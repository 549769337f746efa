use karez_resources::{Kind, Problem};
use karez_translate::{Effect, Report};

use super::*;

fn seen(condition: Option<Condition>, generation: i64) -> Seen {
    Seen { generation, condition, good_spec: None, last_good_spec: None }
}

fn condition_due(seen: &Seen, verdict: &Verdict) -> Option<Condition> {
    due(seen, verdict).map(|change| change.condition)
}

#[test]
fn the_last_spec_that_can_be_read_is_kept_unless_it_is_too_long() {
    let good = Verdict::default();
    let bad = Verdict { accepted: false, reason: "Invalid", message: "spec: no".to_owned() };
    let text = |text: &str| Arc::<str>::from(text);
    let condition = condition_due(&seen(None, 1), &good);
    let seen = |good_spec: Option<&str>, kept: Option<&str>| Seen {
        generation: 1,
        condition: condition.clone(),
        good_spec: good_spec.map(text),
        last_good_spec: kept.map(text),
    };
    let (deny, long) = (Some(r#"{"action":"Deny"}"#), "x".repeat(MOST_SPEC + 1));
    // Null removes what the status keeps; none leaves it as it is.
    let table = [
        ("nothing is kept", seen(Some("{}"), None), &good, Some(json!("{}"))),
        ("another is kept", seen(Some("{}"), deny), &good, Some(json!("{}"))),
        ("it is kept", seen(Some("{}"), Some("{}")), &good, None),
        ("it has no effect", seen(Some("{}"), deny), &bad, Some(json!("{}"))),
        ("it cannot be read", seen(None, deny), &bad, None),
        ("it is just short enough", seen(Some(&long[1..]), deny), &good, Some(json!(long[1..]))),
        ("it is too long", seen(Some(&long), deny), &good, Some(Value::Null)),
        ("it is too long, and nothing is kept", seen(Some(&long), None), &good, None),
    ];
    for (what, seen, verdict, expected) in table {
        let kept = due(&seen, verdict).and_then(|change| change.status().get(LAST_GOOD_SPEC).cloned());
        assert_eq!(kept, expected, "{what}");
    }
}

#[test]
fn a_status_that_keeps_the_right_spec_is_left_alone() {
    for (spec, keeps) in [("{}".to_owned(), true), ("x".repeat(MOST_SPEC + 1), false)] {
        let (mut objects, now) = (Objects::default(), Instant::now());
        let (good_spec, last_good_spec) = (Some(spec.into()), Some(Arc::from("before")));
        objects.see(Sighting::There {
            key: key(),
            generation: 1,
            condition: None,
            good_spec,
            last_good_spec,
        });
        objects.judge(&published(1, None));
        let (key, change) = objects.next_due(now).unwrap();
        objects.written(&key, change);
        objects.look_at_all();
        assert_eq!(objects.next_due(now), None);
        let seen = objects.seen.get(&key).unwrap();
        assert_eq!(seen.last_good_spec.is_some(), keeps);
    }
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
    Sighting::There { key: key(), generation, condition: None, good_spec: None, last_good_spec: None }
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
