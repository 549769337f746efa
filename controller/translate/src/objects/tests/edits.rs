//! What is broken or lost by an edit of one file.

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
        policy("web", "{action: Deny, rules: [{}]}").replace("shop", "Shop"),
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
fn what_is_of_no_kind_that_there_is_keeps_what_is_missing() {
    let strict =
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, annotations: {karez.dev/mtls: strict}}\n";
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: karez.dev/v1alpha1\n  kind: AuthorizationPolicy\n  \
                metadata: {name: a}\n  spec: {}\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: web}\n";
    let good = [strict, list].join(NEXT);
    let kept = after(&[&good]);
    for (right, wrong) in [
        ("kind: Namespace", "kind: Namespac"),
        ("kind: Namespace", "kind: namespace"),
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

/// A file with several objects, and where in it one of the policies stands.
fn several() -> String {
    let all =
        [pod("web", ""), policy("a", "{action: Deny, rules: [{}]}"), policy("b", "{}"), policy("c", "{}")];
    all.join(NEXT)
}

proptest! {
    /// An edit that leaves something in the file that cannot be told takes no policy away.
    #[test]
    fn no_broken_edit_opens_anything(at in 0usize..420, length in 0usize..40, text in "[ -~\n]{0,12}") {
        let good = several();
        let at = at.min(good.len());
        let edited = format!("{}{text}{}", &good[..at], &good[(at + length).min(good.len())..]);
        let readings = manifest::read(edited.as_bytes());
        let riddle = readings.iter().any(|reading| match reading {
            manifest::Reading::Broken(broken) => !matches!(broken.subject, manifest::Subject::Known(_)),
            _ => false,
        });
        let before = policies(&after(&[&good]));
        let now = policies(&after(&[&good, &edited]));
        if riddle {
            prop_assert!(before.iter().all(|name| now.contains(name)), "{before:?} → {now:?}: {edited}");
        }
        // A broken policy has a resource, whether it is known which one it is or not.
        let broken = readings.iter().any(|reading| matches!(reading, manifest::Reading::Broken(_)));
        prop_assert!(!broken || !now.is_empty());
    }
}
