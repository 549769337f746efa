use karez_api::names::type_url;
use karez_resources::manifest;
use karez_translate::{Index, ResourceName};
use proptest::prelude::*;
use proptest::sample;

use super::*;

const NEXT: &str = "\n---\n";

fn policy(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: karez.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n"
    )
}

fn pod(name: &str, more: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop}}\n{more}\n")
}

fn namespace(mtls: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels: {{karez.dev/mesh: enabled}}\n  \
         annotations: {{karez.dev/mtls: {mtls}}}\n"
    )
}

fn mesh() -> String {
    "apiVersion: karez.dev/v1alpha1\nkind: Mesh\nmetadata: {name: default}\n\
     spec: {mtls: strict, trustDomain: shop.example, addressRanges: [10.64.0.0/10]}\n"
        .to_owned()
}

/// Files, and the index that their deltas go into.
#[derive(Debug, Default)]
struct Scene {
    files: Files,
    index: Index,
}

type Resources = BTreeMap<ResourceName, Vec<u8>>;

impl Scene {
    /// One file, loaded version by version.
    fn after(versions: &[&str]) -> Self {
        let mut scene = Self::default();
        versions.iter().for_each(|version| scene.load("file", version));
        scene
    }

    fn load(&mut self, file: &str, text: &str) {
        self.files.load(file, manifest::read(text.as_bytes()));
        self.index.apply(self.files.take_deltas());
    }

    fn unload(&mut self, file: &str) {
        self.files.unload(file);
        self.index.apply(self.files.take_deltas());
    }

    fn resources(&self) -> Resources {
        self.index.resources().into_iter().map(|(name, body)| (name, body.to_vec())).collect()
    }

    /// Names of the policies, `!` at those that are unreadable.
    fn policies(&self) -> Vec<String> {
        let resources = self.resources().into_iter();
        let policies = resources.filter(|(name, _)| name.type_url == type_url::AUTHORIZATION);
        let name = |(name, body): (ResourceName, Vec<u8>)| {
            let message: karez_api::security::Authorization = prost::Message::decode(&body[..]).unwrap();
            format!("{}{}", name.name, if message.unreadable { "!" } else { "" })
        };
        policies.map(name).collect()
    }

    fn problems(&self) -> Vec<Report> {
        let mut problems = self.index.problems();
        problems.extend(self.files.problems());
        problems.sort();
        problems
    }

    fn effects(&self) -> Vec<Effect> {
        self.problems().iter().map(|report| report.effect).collect()
    }
}

#[test]
fn a_file_with_an_error_keeps_its_whole_last_good_version() {
    let deny = policy("web", "{action: Deny, rules: [{}]}");
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: karez.dev/v1alpha1\n  kind: AuthorizationPolicy\n  \
                metadata: {name: a}\n  spec: {}\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: web}\n";
    let good = [deny, mesh(), namespace("strict"), pod("web", ""), list.to_owned()].join(NEXT);
    let kept = Scene::after(&[&good]);
    for (right, wrong) in [
        ("action: Deny", "action: Denyy"),
        ("rules: [{}]", "rules: [{}"),
        ("kind: AuthorizationPolicy", "kind: AuthorisationPolicy"),
        ("kind: AuthorizationPolicy", "kid: AuthorizationPolicy"),
        ("apiVersion: karez.dev/v1alpha1", "apiVersion: karez.dev/v1"),
        ("name: web", "nam: web"),
        ("name: web", "name: 1"),
        ("namespace: shop", "namespace: Shop"),
        ("namespace: shop", "namespce: shop"),
        ("metadata: {", "metadata: "),
        ("kind: Mesh", "kind: Mehs"),
        ("name: default", "name: defaults"),
        ("kind: Namespace", "kind: Namespac"),
        ("kind: Namespace", "kind: namespace"),
        ("kind: List", "kind: Lisst"),
        ("items:", "itms:"),
        ("---\napiVersion: v1\nkind: Pod\n", "--"),
        ("name: web", "name: a, namespace: default"),
        (good.as_str(), "words\n"),
        (good.as_str(), "\u{0}"),
        (good.as_str(), "null"),
    ] {
        let broken = good.replacen(right, wrong, 1);
        let now = Scene::after(&[&good, &broken]);
        assert_eq!(now.resources(), kept.resources(), "{broken}");
        let effects = now.effects();
        assert!(!effects.is_empty() || wrong == "null", "{broken}");
        assert!(effects.iter().all(|effect| *effect == Effect::LastGoodVersion), "{effects:?}: {broken}");
        let again = Scene::after(&[&good, &broken, &broken]);
        assert_eq!((again.resources(), again.problems()), (kept.resources(), now.problems()), "{broken}");
        let mended = Scene::after(&[&good, &broken, &good]);
        assert_eq!((mended.resources(), mended.problems()), (kept.resources(), kept.problems()), "{broken}");
        assert!(Scene::after(&[&good, &broken, "# nothing"]).policies().is_empty(), "{broken}");
    }
}

#[test]
fn an_unreadable_file_keeps_what_it_held() {
    let mut scene = Scene::after(&[&policy("web", "{}")]);
    assert!(!scene.files.load("file", vec![manifest::unreadable("permission denied")]));
    assert!(scene.files.take_deltas().is_empty());
    assert_eq!(scene.effects(), [Effect::LastGoodVersion]);
    scene.unload("file");
    assert!(scene.policies().is_empty() && scene.problems().is_empty());
}

#[test]
fn what_was_never_readable_refuses_what_it_may_have_closed() {
    let at_first = |text: &str| Scene::after(&[text]).policies();
    assert_eq!(at_first(&policy("web", "{rulez: []}")), ["shop/web!"]);
    assert_eq!(at_first(&policy("web", "{rules: [")), ["shop/web!"]);
    assert_eq!(at_first(&policy("web", "{}").replace("name: web, ", "")), ["shop/(unnamed)!"]);
    assert_eq!(
        at_first(&policy("web", "{}").replace("namespace: shop", "namespace: s/h")),
        ["default/(web)!"]
    );
    assert_eq!(at_first(&policy("web", "{}").replace("v1alpha1", "v2")), ["shop/web!"]);
    assert_eq!(at_first(&policy("web", "{}").replace("Authorization", "Authorisation")), ["shop/web!"]);
    assert_eq!(at_first(&namespace("strickt")), ["shop/karez-strict-mtls"]);
    // What is good beside it counts; so it stays while the file has errors, and is mended in place.
    let never = [policy("web", "{rules: ["), pod("a", ""), policy("b", "{}")].join(NEXT);
    for versions in [&[&*never][..], &[&never, "words"], &[&never, &never, &pod("a", "spec: [")]] {
        let scene = Scene::after(versions);
        assert_eq!(
            (scene.policies().join(" "), scene.index.pods().len()),
            ("shop/b shop/web!".to_owned(), 1)
        );
    }
    let told = Scene::after(&[&never, &policy("web", "{rulez: []}")]).problems();
    let [report] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((&*report.problem.field, report.effect), ("spec.rulez", Effect::Refused));
    assert_eq!(Scene::after(&[&never, &policy("web", "{}")]).policies(), ["shop/web"]);
    // It covers what its present version says, or else its namespace.
    let covering = |labels: &str| policy("web", &format!("{{selector: {{{labels}}}, rulez: []}}"));
    let narrow = covering("matchLabels: {app: web}");
    for (broken, is_wide) in [(&narrow, false), (&covering("matchLables: {app: web}"), true)] {
        let resources = Scene::after(&[&narrow, broken]).resources();
        let alone = Scene::after(&[broken]).resources();
        assert_eq!(resources, alone, "{broken}");
        assert_eq!(resources == Scene::after(&[&narrow]).resources(), !is_wide);
    }
}

#[test]
fn of_two_of_one_name_in_a_file_the_first_counts_at_first_sight() {
    let deny = policy("a", "{action: Deny, rules: [{}]}");
    let twice = Scene::after(&[&[deny.clone(), policy("a", "{rules: [{}]}")].join(NEXT)]);
    assert_eq!(twice.resources(), Scene::after(&[&deny]).resources());
    assert_eq!(twice.effects(), [Effect::Nothing]);
}

#[test]
fn what_the_mesh_does_not_read_is_passed_over() {
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n";
    let good = [pod("web", ""), policy("a", "{}")].join(NEXT);
    let now = Scene::after(&[&good, &[&policy("a", "{}"), deployment].join(NEXT)]);
    assert_eq!(now.policies(), ["shop/a"]);
    assert!(now.index.pods().is_empty() && now.problems().is_empty());
}

#[test]
fn what_another_mesh_says_is_told_and_takes_no_effect_away() {
    let ours = policy("web", "{action: Deny, rules: [{}]}");
    let theirs = ours.replace("karez.dev/v1alpha1", "security.istio.io/v1");
    let alone = Scene::after(&[&theirs]);
    assert_eq!((alone.policies(), alone.effects()), (vec![], vec![Effect::Nothing]));
    let both = [policy("a", "{}"), policy("b", "{}")].join(NEXT);
    let beside = Scene::after(&[&both, &[policy("a", "{}"), theirs.clone()].join(NEXT)]);
    assert_eq!((beside.policies(), beside.effects()), (vec!["shop/a".to_owned()], vec![Effect::Nothing]));
    let instead = Scene::after(&[&ours, &theirs]);
    assert_eq!(instead.resources(), Scene::after(&[&ours]).resources());
    assert_eq!(instead.effects(), [Effect::LastGoodVersion]);
}

#[test]
fn of_several_files_with_one_object_the_first_with_a_good_version_counts() {
    let deny = policy("web", "{action: Deny, rules: [{}]}");
    let mut scene = Scene::default();
    scene.load("b", &policy("web", "{}"));
    scene.load("a", &deny);
    assert_eq!(scene.resources(), Scene::after(&[&deny]).resources());
    let told = |scene: &Scene| {
        let problems = scene.problems().into_iter();
        problems.map(|it| (it.source, it.problem.field, it.effect)).collect::<Vec<_>>()
    };
    let one = |file: &str, field: &str, effect| (file.to_owned(), field.to_owned(), effect);
    assert_eq!(told(&scene), [one("b", "", Effect::Nothing)]);
    scene.unload("a");
    scene.load("a", &policy("web", "{rulez: []}"));
    scene.load("c", &deny);
    assert_eq!(scene.resources(), Scene::after(&[&policy("web", "{}")]).resources());
    assert_eq!(told(&scene), [one("a", "spec.rulez", Effect::Nothing), one("c", "", Effect::Nothing)]);
    scene.unload("b");
    assert_eq!(scene.resources(), Scene::after(&[&deny]).resources());
    scene.unload("c");
    assert_eq!(scene.policies(), ["shop/web!"], "no other file's version is its own last good one");
    assert_eq!(told(&scene), [one("a", "spec.rulez", Effect::Refused)]);
}

#[test]
fn an_object_that_moves_to_another_file_is_never_gone() {
    let mut scene = Scene::default();
    scene.load("b", &policy("web", "{}"));
    scene.files.unload("b");
    scene.files.load("a", manifest::read(policy("web", "{}").as_bytes()));
    let deltas = scene.files.take_deltas();
    assert!(
        matches!(deltas.as_slice(), [Delta::Set { file: Some(file), .. }] if &**file == "a"),
        "{deltas:?}"
    );
}

/// One object of each kind that closes something, and a list of such.
fn several() -> String {
    let item = |text: &str| format!("- {}", text.trim_end().replace('\n', "\n  "));
    let list =
        [pod("db", ""), policy("c", "{rules: [{}]}"), policy("d", "{}")].map(|it| item(&it)).join("\n");
    let all = [
        mesh(),
        namespace("strict"),
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
    fn no_broken_edit_opens_anything(at in any::<sample::Index>(), length in 0usize..40, text in "[ -~\n]{0,12}") {
        let good = several();
        let at = at.index(good.len());
        let edited = format!("{}{text}{}", &good[..at], &good[(at + length).min(good.len())..]);
        let readings = manifest::read(edited.as_bytes());
        if readings.iter().any(|reading| matches!(reading, Reading::Broken(_))) {
            let (before, now) = (Scene::after(&[&good]), Scene::after(&[&good, &edited]));
            prop_assert_eq!(before.resources(), now.resources(), "{}", edited);
        } else {
            // What a comment swallows was taken out.
            let objects = manifest::read(good.as_bytes());
            prop_assert!(readings.len() == objects.len() || text.contains('#'), "{}", edited);
        }
    }
}
