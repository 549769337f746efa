//! What is broken or lost by an edit of one file.

use karez_resources::Key;
use karez_resources::manifest::{Reading, Subject};
use proptest::sample::Index;

use super::*;

#[test]
fn a_broken_edit_keeps_the_last_good_version() {
    let good = policy("web", "{action: Deny, rules: [{}]}");
    let kept = after(&[&good]);
    for broken in [
        policy("web", "{action: Denyy, rules: [{}]}"),
        policy("web", "{action: Deny, rules: [{}]"),
        policy("web", "{action: Deny, rules: [{}]}").replace("v1alpha1", "v1"),
        policy("web", "{action: Deny, rules: [{}]}").replace("AuthorizationPolicy", "AuthorisationPolicy"),
        policy("web", "{action: Deny, rules: [{}]}").replace("kind:", "kid:"),
        policy("web", "{action: Deny, rules: [{}]}").replace("name: web", "nam: web"),
        policy("web", "{action: Deny, rules: [{}]}").replace("name: web", "name: 1"),
        policy("web", "{action: Deny, rules: [{}]}").replace("shop", "Shop"),
        policy("web", "{action: Deny, rules: [{}]}").replace("shop", "[shop]"),
        policy("web", "{action: Deny, rules: [{}]}").replace("namespace", "namespce"),
        policy("web", "{action: Deny, rules: [{}]}").replace("metadata: {", "metadata: "),
        "words\n".to_owned(),
        "\u{0}".to_owned(),
    ] {
        let now = after(&[&good, &broken]);
        assert_eq!(now.resources, kept.resources, "{broken}");
        assert_eq!(effects(&now), [Effect::LastGoodVersion], "{broken}");
        assert_eq!(after(&[&good, &broken, &broken]), now, "still, when it is read again: {broken}");
        assert_eq!(after(&[&good, &broken, &good]), kept, "mended: {broken}");
        assert_eq!(policies(&after(&[&good, &broken, "# nothing"])), [""; 0], "gone: {broken}");
    }
}

#[test]
fn a_mesh_of_another_kind_or_name_keeps_what_it_said() {
    for rest in ["", &policy("web", "{}")] {
        let good = [mesh().as_str(), rest].join(NEXT);
        let kept = after(&[&good]);
        for (right, wrong) in [
            ("kind: Mesh", "kind: Mehs"),
            ("kind: Mesh", "kid: Mesh"),
            ("kind: Mesh", "kind:"),
            ("name: default", "name: defaults"),
            ("name: default", "nam: default"),
            ("apiVersion: karez.dev/v1alpha1\nkind: Mesh", "apiVersion: karez.dev/v1\nkind: Mesh"),
        ] {
            let broken = good.replacen(right, wrong, 1);
            let now = after(&[&good, &broken]);
            assert_eq!(now.resources, kept.resources, "{broken}");
            assert_eq!(effects(&now), [Effect::LastGoodVersion], "{broken}");
            assert_eq!(after(&[&good, &broken, &broken]), now, "still, when it is read again: {broken}");
            assert_eq!(after(&[&good, &broken, &good]), kept, "mended: {broken}");
        }
    }
}

#[test]
fn what_is_of_no_kind_or_name_keeps_what_is_missing() {
    let strict =
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, annotations: {karez.dev/mtls: strict}}\n";
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: karez.dev/v1alpha1\n  kind: AuthorizationPolicy\n  \
                metadata: {name: a}\n  spec: {}\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: web}\n";
    let good = [strict, list].join(NEXT);
    let kept = after(&[&good]);
    for (right, wrong) in [
        ("kind: Namespace", "kind: Namespac"),
        ("kind: Namespace", "kind: namespace"),
        ("name: shop", "name: 1"),
        ("name: shop", "nam: shop"),
        ("kind: List", "kind: Lisst"),
        ("apiVersion: v1\nkind: List", "apiVersion: v2\nkind: Lisst"),
        ("apiVersion: v1\nkind: List", "apiVersion: example.com/v1\nkind: Lisst"),
        ("items:", "itms:"),
        ("items:", "items: null\nitms:"),
    ] {
        let broken = good.replacen(right, wrong, 1);
        let now = after(&[&good, &broken]);
        assert_eq!(now.resources, kept.resources, "{broken}");
        assert_eq!(now.pods, kept.pods, "{broken}");
        assert_eq!(effects(&now), [Effect::LastGoodVersion], "{broken}");
        assert_eq!(after(&[&good, &broken, &broken]), now, "still, when it is read again: {broken}");
        assert_eq!(after(&[&good, &broken, &good]), kept, "mended: {broken}");
    }
    assert_eq!(after(&[&good, "null"]).resources, kept.resources);
}

#[test]
fn what_the_mesh_does_not_read_is_passed_over() {
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n";
    let good = [pod("web", ""), policy("a", "{}")].join(NEXT);
    let now = after(&[&good, &[policy("a", "{}").as_str(), deployment].join(NEXT)]);
    assert_eq!((policies(&now), now.pods.len(), now.problems.len()), (vec!["shop/a".to_owned()], 0, 0));
}

#[test]
fn what_another_mesh_says_is_told_and_takes_no_effect_away() {
    let ours = policy("web", "{action: Deny, rules: [{}]}");
    let theirs = ours.replace("karez.dev/v1alpha1", "security.istio.io/v1");
    let alone = after(&[&theirs]);
    assert_eq!((policies(&alone), effects(&alone)), (vec![], vec![Effect::Nothing]));
    let beside = after(&[
        &[policy("a", "{}"), policy("b", "{}")].join(NEXT),
        &[policy("a", "{}"), theirs.clone()].join(NEXT),
    ]);
    assert_eq!((policies(&beside), effects(&beside)), (vec!["shop/a".to_owned()], vec![Effect::Nothing]));
    let instead = after(&[&ours, &theirs]);
    assert_eq!(instead.resources, after(&[&ours]).resources);
    assert_eq!(effects(&instead), [Effect::LastGoodVersion]);
}

#[test]
fn what_ran_into_another_object_stays() {
    let good = [mesh(), policy("a", "{}"), pod("web", "")].join(NEXT);
    for (right, wrong) in [
        ("---\napiVersion: karez.dev/v1alpha1\nkind: AuthorizationPolicy\n", "--"),
        ("---\napiVersion: v1\nkind: Pod\n", "--"),
    ] {
        let broken = good.replacen(right, wrong, 1);
        let now = after(&[&good, &broken]);
        assert_eq!(
            (&now.resources, &now.pods),
            (&after(&[&good]).resources, &after(&[&good]).pods),
            "{broken}"
        );
        assert_eq!(effects(&now), [Effect::LastGoodVersion], "{broken}");
    }
}

#[test]
fn of_what_stands_twice_neither_takes_anything_away() {
    let deny = "{action: Deny, rules: [{}]}";
    let good = [policy("a", "{rules: [{}]}"), policy("b", deny), policy("c", "{}")].join(NEXT);
    let kept = after(&[&good]);
    for (right, wrong) in
        [("name: a", "name: b"), ("name: b", "name: a"), ("name: c", "name: a"), ("name: a", "name: c")]
    {
        let broken = good.replacen(right, wrong, 1);
        let now = after(&[&good, &broken]);
        assert_eq!(now.resources, kept.resources, "{broken}");
        assert_eq!(effects(&now), [Effect::LastGoodVersion], "{broken}");
        assert_eq!(after(&[&good, &broken, &broken]), now, "still, when it is read again: {broken}");
        assert_eq!(after(&[&good, &broken, &good]), kept, "mended: {broken}");
    }
    // Where neither was there before, the first counts.
    let twice = after(&[&[policy("a", deny), policy("a", "{rules: [{}]}")].join(NEXT)]);
    assert_eq!(twice.resources, after(&[&policy("a", deny)]).resources);
    assert_eq!(effects(&twice), [Effect::Nothing]);
}

#[test]
fn a_new_unreadable_policy_refuses_beside_good_ones() {
    let good = policy("a", "{}");
    let both = [good.as_str(), &policy("b", "{rules: [")].join(NEXT);
    let now = after(&[&good, &both]);
    assert_eq!(policies(&now), ["shop/a", "shop/b!"]);
    assert_eq!(effects(&now), [Effect::Refused]);
}

#[test]
fn what_may_be_any_of_several_keeps_them_all() {
    let three = [policy("a", "{}"), policy("b", "{}"), pod("web", "")].join(NEXT);
    let lost = [policy("a", "{}"), "kind: [\n".to_owned()].join(NEXT);
    let now = after(&[&three, &lost]);
    assert_eq!(policies(&now), ["shop/a", "shop/b"]);
    assert_eq!(now.pods.len(), 1);
    // Without the riddle, what is missing is gone.
    assert_eq!(policies(&after(&[&three, &lost, &policy("a", "{}")])), ["shop/a"]);
}

#[test]
fn a_renamed_and_broken_policy_refuses_under_its_new_name() {
    let now = after(&[&policy("a", "{}"), &policy("b", "{rulez: []}")]);
    assert_eq!(policies(&now), ["shop/b!"]);
}

/// One object of each kind that closes something, and a list of such.
fn several() -> String {
    let item = |text: &str| format!("- {}", text.trim_end().replace('\n', "\n  "));
    let list =
        [pod("db", ""), policy("c", "{rules: [{}]}"), policy("d", "{}")].map(|it| item(&it)).join("\n");
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels: {karez.dev/mesh: enabled}\n  \
                     annotations: {karez.dev/mtls: strict}\n";
    let all = [
        mesh(),
        namespace.to_owned(),
        pod("web", ""),
        policy("a", "{action: Deny, rules: [{}]}"),
        policy("b", "{rules: [{to: [{operation: {ports: ['80']}}]}]}"),
        format!("apiVersion: v1\nkind: List\nitems:\n{list}\n"),
    ];
    all.join(NEXT)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    /// An edit of one place either reads as a whole, and loses no object, or all that was in force stays so.
    #[test]
    fn no_broken_edit_opens_anything(at in any::<Index>(), length in 0usize..40, text in "[ -~\n]{0,12}") {
        let good = several();
        let at = at.index(good.len());
        let edited = format!("{}{text}{}", &good[..at], &good[(at + length).min(good.len())..]);
        let (before, now) = (after(&[&good]), after(&[&good, &edited]));
        let objects = manifest::read(good.as_bytes());
        let readings = manifest::read(edited.as_bytes());
        let is_broken = |reading: &Reading| matches!(reading, Reading::Broken(_));
        if !readings.iter().any(is_broken) {
            // What a comment swallows was taken out.
            prop_assert!(readings.len() == objects.len() || text.contains('#'), "{}", edited);
        } else if !readings.iter().any(|reading| is_another(reading, &objects)) {
            let changed = before.resources.iter().find(|(name, message)| now.resources.get(*name) != Some(*message));
            prop_assert!(changed.is_none(), "{:?}: {edited}", changed.map(|(name, _)| name));
            prop_assert_eq!(&before.pods, &now.pods, "{}", edited);
        }
    }
}

/// An object that is broken, and another than all of those for sure: two faults in one edit.
fn is_another(reading: &Reading, objects: &[Reading]) -> bool {
    let Reading::Broken(broken) = reading else { return false };
    let is_it =
        |key: &Key| objects.iter().any(|it| matches!(it, Reading::Good(resource) if resource.key() == *key));
    matches!(&broken.subject, Subject::Known(key) if !is_it(key))
}
