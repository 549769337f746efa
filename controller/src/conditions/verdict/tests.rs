use karez_resources::Problem;

use super::*;

fn report(kind: Kind, name: &str, field: &str, effect: Effect) -> Report {
    let problem = Problem {
        kind: kind.as_str().to_owned(),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        field: field.to_owned(),
        line: None,
        message: "is wrong".to_owned(),
    };
    Report { source: String::new(), problem, effect }
}

#[test]
fn what_is_not_in_force_is_not_accepted_and_the_field_is_named() {
    let kind = Kind::AuthorizationPolicy;
    let verdicts = of_problems(&[
        report(kind, "a", "spec.action", Effect::Refused),
        report(kind, "b", "spec.rules[0]", Effect::Stricter),
        report(kind, "b", "spec.rules[1]", Effect::LastGoodVersion),
        report(kind, "c", "spec.mode", Effect::AllButField),
        report(Kind::Pod, "d", "spec", Effect::Nothing),
    ]);
    let verdict = |name: &str| verdicts.get(&Key::new(kind, "shop", name)).cloned().unwrap_or_default();
    assert_eq!(verdict("a").message, "spec.action: is wrong (in its place: refused)");
    assert_eq!((verdict("a").accepted, verdict("a").reason), (false, "Invalid"));
    assert_eq!((verdict("b").accepted, verdict("b").reason), (false, "Invalid"));
    assert!(verdict("b").message.contains("rules[0]") && verdict("b").message.contains("rules[1]"));
    assert_eq!((verdict("c").accepted, verdict("c").reason), (true, "PartlySupported"));
    assert_eq!(verdict("other"), Verdict::default());
    assert_eq!(verdicts.len(), 3);
}
