use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

const LEAF: Duration = Duration::from_secs(100);

// Making keys is slow; a rotation only moves them about.
static ROOTS: LazyLock<Vec<Root>> = LazyLock::new(|| {
    (0..6).map(|_| Root::generate(at(0), Duration::from_secs(1_000_000)).unwrap()).collect()
});

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn root(number: usize) -> Root {
    ROOTS[number].clone()
}

fn node(name: &str, standing: Standing, counts_until: u64) -> Node {
    Node { name: name.to_owned(), standing, counts_until: at(counts_until) }
}

fn announced() -> Roots {
    let mut roots = Roots::new(root(0), LEAF);
    roots.announce(root(1), at(1000)).unwrap();
    roots
}

fn phases(roots: &Roots) -> Vec<(Phase, &str)> {
    roots.all().map(|(phase, root)| (phase, root.fingerprint())).collect()
}

fn fingerprint(number: usize) -> &'static str {
    ROOTS[number].certificate().fingerprint()
}

#[test]
fn an_announced_root_waits_for_each_node_in_its_own_way() {
    let renewed = 1000 + LEAF.as_secs();
    let acknowledgement = || Some(Wait::Acknowledgement { node: "a".to_owned() });
    let renewal = || Some(Wait::Renewal { node: "a".to_owned(), until: at(renewed) });
    let back = |until| Some(Wait::Return { node: "a".to_owned(), until: at(until) });
    let cases: [(Standing, u64, u64, Option<Wait>); 9] = [
        // Standing, certificates until, now, what there is to wait for.
        (Standing::Acknowledged, 2000, 1000, None),
        (Standing::Pending, 0, 1000, acknowledgement()),
        (Standing::Pending, 0, 1_000_000, acknowledgement()),
        (Standing::Unsubscribed, 2000, 1000, renewal()),
        (Standing::Unsubscribed, 2000, renewed - 1, renewal()),
        (Standing::Unsubscribed, 2000, renewed, None),
        (Standing::Away, 1050, 1049, back(1050)),
        (Standing::Away, 1050, 1050, None),
        (Standing::Away, 0, 1000, None),
    ];
    for (standing, counts_until, now, expected) in cases {
        let nodes = [node("a", standing, counts_until)];
        let waits = announced().waits(at(now), &nodes);
        assert_eq!(waits, expected.clone().into_iter().collect::<Vec<_>>(), "{standing:?} at {now}");
        let mut roots = announced();
        assert_eq!(roots.advance(at(now), &nodes, LEAF), expected.is_none(), "{standing:?} at {now}");
    }
}

#[test]
fn an_announced_root_waits_until_the_config_map_has_held_it_for_a_while() {
    let takes = Duration::from_secs(120);
    let nodes = [node("a", Standing::Acknowledged, 2000)];
    let mut roots = announced();
    roots.await_distribution(takes);
    assert_eq!(roots.waits(at(1_000_000), &nodes), [Wait::Publication]);
    assert!(!roots.note_published(fingerprint(0), at(1005)), "not the announced root");
    assert!(roots.note_published(fingerprint(1), at(1010)));
    assert!(!roots.note_published(fingerprint(1), at(1100)), "it is no news");
    // Also for a replica that reads the state later.
    let saved = serde_json::to_string(&roots).unwrap();
    let mut roots: Roots = serde_json::from_str(&saved).unwrap();
    assert_eq!(roots.waits(at(1129), &nodes), [Wait::Distribution { until: at(1130) }]);
    assert!(!roots.advance(at(1129), &nodes, LEAF));
    assert!(roots.advance(at(1130), &nodes, LEAF));
    assert_eq!(phases(&roots), [(Phase::Signing, fingerprint(1)), (Phase::Retiring, fingerprint(0))]);
}

#[test]
fn one_node_of_many_holds_it_up() {
    let mut nodes = vec![
        node("a", Standing::Acknowledged, 2000),
        node("b", Standing::Pending, 2000),
        node("c", Standing::Acknowledged, 2000),
    ];
    let mut roots = announced();
    assert!(!roots.advance(at(1001), &nodes, LEAF));
    assert_eq!(phases(&roots), [(Phase::Signing, fingerprint(0)), (Phase::Announced, fingerprint(1))]);
    nodes[1].standing = Standing::Acknowledged;
    assert!(roots.advance(at(1002), &nodes, LEAF));
    assert_eq!(phases(&roots), [(Phase::Signing, fingerprint(1)), (Phase::Retiring, fingerprint(0))]);
}

#[test]
fn the_old_root_stays_until_its_last_leaf_has_expired() {
    let mut roots = announced();
    assert!(roots.advance(at(1000), &[], LEAF));
    let until = 1000 + LEAF.as_secs() + SIGNING_SLACK.as_secs();
    assert_eq!(roots.retires(fingerprint(0)), Some(at(until)));
    assert!(!roots.advance(at(until - 1), &[], LEAF));
    assert!(roots.advance(at(until), &[], LEAF));
    assert_eq!(phases(&roots), [(Phase::Signing, fingerprint(1))]);
    assert!(!roots.is_rotating());
}

#[test]
fn a_shorter_lifetime_does_not_shorten_certificates_that_exist() {
    let mut roots = Roots::new(root(0), LEAF);
    roots.allow_lifetime(LEAF / 10);
    roots.announce(root(1), at(1000)).unwrap();
    roots.advance(at(1000), &[], LEAF / 10);
    assert!(roots.retires(fingerprint(0)).unwrap() >= at(1000 + LEAF.as_secs()));
    // What the new root signs is bounded by the new lifetime alone.
    roots.announce(root(2), at(1001)).unwrap();
    roots.advance(at(1001), &[], LEAF / 10);
    assert!(roots.retires(fingerprint(1)).unwrap() < at(1000 + LEAF.as_secs()));
}

#[test]
fn rotations_follow_each_other_within_bounds() {
    let mut roots = announced();
    assert_eq!(roots.announce(root(2), at(1000)), Err(UnderWay::Announced));
    for number in 1..=MAX_RETIRING {
        assert!(roots.advance(at(1000), &[], LEAF));
        let next = roots.announce(root(number + 1), at(1000));
        assert_eq!(next.is_ok(), number < MAX_RETIRING, "{number}: {next:?}");
    }
    assert_eq!(roots.announce(root(5), at(1000)), Err(UnderWay::Retiring));
}

#[test]
fn every_phase_survives_a_restart() {
    let mut roots = announced();
    for step in 0..3 {
        let text = serde_json::to_string(&roots).unwrap();
        let back: Roots = serde_json::from_str(&text).unwrap();
        assert_eq!(phases(&back), phases(&roots), "step {step}");
        assert_eq!(serde_json::to_string(&back).unwrap(), text, "step {step}");
        roots = back;
        roots.advance(at(1000 + step * 1000), &[], LEAF);
    }
    assert_eq!(phases(&roots), [(Phase::Signing, fingerprint(1))]);
}

#[test]
fn a_retiring_root_leaves_its_key_behind() {
    let mut roots = announced();
    roots.advance(at(1000), &[], LEAF);
    let text = serde_json::to_string(&roots).unwrap();
    assert_eq!(text.matches("PRIVATE KEY-----").count(), 2, "one key, with its two marks");
}

/// A step of a story: time passes, a node does something, somebody rotates.
#[derive(Debug, Clone)]
enum Event {
    Pass(u64),
    Rotate,
    Stand(usize, Standing),
    Sign(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let standing = prop_oneof![
        Just(Standing::Acknowledged),
        Just(Standing::Pending),
        Just(Standing::Unsubscribed),
        Just(Standing::Away)
    ];
    prop_oneof![
        (1..80_u64).prop_map(Event::Pass),
        Just(Event::Rotate),
        (0..3_usize, standing).prop_map(|(node, standing)| Event::Stand(node, standing)),
        (0..3_usize).prop_map(Event::Sign),
    ]
}

proptest! {
    /// Whatever happens: a certificate that has not expired has its root in the bundle, and a root signs only after it has
    /// been in the bundle for every node that was there to be told.
    #[test]
    fn no_leaf_loses_its_root(events in proptest::collection::vec(event(), 0..60)) {
        let mut roots = Roots::new(root(0), LEAF);
        let mut now = 1000;
        let mut next = 1;
        let mut nodes: Vec<Node> =
            (0..3).map(|number| node(&number.to_string(), Standing::Away, 0)).collect();
        let mut leaves: Vec<(String, u64)> = Vec::new();
        for event in events {
            match event {
                Event::Pass(seconds) => now += seconds,
                Event::Rotate => {
                    if roots.announce(root(next % ROOTS.len()), at(now)).is_ok() {
                        next += 1;
                    }
                }
                Event::Stand(number, standing) => nodes[number].standing = standing,
                Event::Sign(number) => {
                    leaves.push((roots.signing().certificate().fingerprint().to_owned(), now + LEAF.as_secs()));
                    nodes[number].counts_until = at(now + LEAF.as_secs());
                }
            }
            let before = roots.signing().certificate().fingerprint().to_owned();
            let pending = nodes.iter().any(|node| node.standing == Standing::Pending);
            roots.advance(at(now), &nodes, LEAF);
            if roots.signing().certificate().fingerprint() != before {
                prop_assert!(!pending, "a connected node had not acknowledged");
                prop_assert!(roots.retires(&before).is_some(), "the old root is still trusted");
            }
            leaves.retain(|(_, until)| *until > now);
            for (issuer, until) in &leaves {
                prop_assert!(
                    roots.all().any(|(_, root)| root.fingerprint() == issuer),
                    "a leaf that lives until {} lost its root at {}", until, now
                );
            }
        }
    }
}

#[test]
fn an_operator_lets_the_announced_root_sign_whoever_it_waits_for() {
    let mut roots = announced();
    assert!(!roots.advance(at(1001), &[node("a", Standing::Pending, 2000)], LEAF));
    roots.sign_with_announced(at(1001), LEAF).unwrap();
    assert_eq!(phases(&roots), [(Phase::Signing, fingerprint(1)), (Phase::Retiring, fingerprint(0))]);
    // Certificates of the old root are trusted until the last one has expired, by whomever.
    assert_eq!(roots.retires(fingerprint(0)), Some(at(1001).after(LEAF).after(SIGNING_SLACK)));
    assert_eq!(roots.sign_with_announced(at(1002), LEAF), Err(NotUnderWay));
}
