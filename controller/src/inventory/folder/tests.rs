use karez_resources::{Key, Kind};
use tempfile::TempDir;

use super::*;

struct Scene {
    root: TempDir,
    inventory: FolderInventory,
    reader: Reader,
}

fn pod(name: &str, node: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop}}\n\
         spec: {{nodeName: {node}}}\nstatus: {{podIP: 10.0.0.1}}\n"
    )
}

impl Scene {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("manifests")).unwrap();
        let (inventory, reader) = Self::start(&root);
        Self { root, inventory, reader }
    }

    fn start(root: &TempDir) -> (FolderInventory, Reader) {
        FolderInventory::new(root.path().join("manifests"), root.path().join("copies"))
    }

    fn restart(&mut self) {
        (self.inventory, self.reader) = Self::start(&self.root);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("manifests").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Looks as often as it takes for whatever happened to be settled.
    fn look(&mut self) {
        for _ in 0..3 {
            self.inventory.look(SystemTime::now());
        }
    }

    fn node_of(&self, pod: &str) -> Option<String> {
        match self.objects()?.find(&Key::new(Kind::Pod, "shop", pod)).map(Arc::as_ref) {
            Some(karez_resources::Resource::Pod(pod)) => pod.node.clone(),
            _ => None,
        }
    }

    fn objects(&self) -> Option<Objects> {
        self.reader.borrow().objects.clone()
    }

    fn unreadable(&self) -> Vec<String> {
        self.reader.borrow().unreadable.iter().map(|report| report.source.clone()).collect()
    }

    /// That the folder is reported as one that holds nothing, and what serves meanwhile.
    fn assert_emptied(&self, effect: Effect) {
        let unreadable = self.reader.borrow().unreadable.clone();
        let [report] = unreadable.as_slice() else { panic!("{unreadable:?}") };
        assert_eq!(report.source, self.root.path().join("manifests").display().to_string());
        assert!(report.problem.message.contains("holds no manifest"), "{report:?}");
        assert!(report.problem.message.contains("nothing but a comment"), "{report:?}");
        assert_eq!(report.effect, effect);
    }
}

#[test]
fn manifests_come_change_and_go() {
    let mut scene = Scene::new();
    scene.write("a.yaml", &pod("a", "one"));
    scene.write("b.json", r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b","namespace":"shop"},"spec":{"nodeName":"one"}}"#);
    scene.write("notes.txt", &pod("c", "one"));
    scene.write(".hidden.yaml", &pod("d", "one"));
    scene.look();
    let nodes = |scene: &Scene| ["a", "b", "c", "d"].map(|name| scene.node_of(name));
    let one = || Some("one".to_owned());
    assert_eq!(nodes(&scene), [one(), one(), None, None]);

    scene.reader.mark_unchanged();
    scene.look();
    assert!(!scene.reader.has_changed().unwrap(), "nothing happened");

    scene.write("a.yaml", &pod("a", "two"));
    scene.look();
    assert_eq!(scene.node_of("a"), Some("two".to_owned()));
    std::fs::remove_file(scene.path("b.json")).unwrap();
    scene.look();
    assert_eq!(nodes(&scene), [Some("two".to_owned()), None, None, None]);
}

#[test]
fn a_broken_edit_changes_nothing_even_across_a_restart() {
    let mut scene = Scene::new();
    scene.write("a.yaml", &pod("a", "one"));
    scene.look();
    let half = pod("a", "one");
    let half = half.get(..half.len() / 2).unwrap();
    for broken in ["{", "kind: Pod\nmetadata: [", half, "\u{0}\u{1}"] {
        scene.write("a.yaml", broken);
        scene.look();
        assert_eq!(scene.node_of("a"), Some("one".to_owned()), "{broken:?}");
    }
    scene.restart();
    scene.look();
    assert_eq!(scene.node_of("a"), Some("one".to_owned()));
    scene.write("a.yaml", &pod("a", "two"));
    scene.look();
    assert_eq!(scene.node_of("a"), Some("two".to_owned()));
}

#[test]
fn what_went_while_nobody_looked_is_gone_for_good() {
    let mut scene = Scene::new();
    scene.write("a.yaml", &pod("a", "one"));
    scene.write("b.yaml", &pod("b", "one"));
    scene.look();
    std::fs::remove_file(scene.path("a.yaml")).unwrap();
    scene.restart();
    scene.look();
    assert_eq!(scene.node_of("a"), None);
    // And does not come back with a broken file of that name.
    scene.write("a.yaml", "{");
    scene.look();
    assert_eq!(scene.node_of("a"), None);
}

#[test]
fn nothing_is_published_before_everything_was_read() {
    let mut scene = Scene::new();
    let folder = scene.path("");
    std::fs::remove_dir(&folder).unwrap();
    scene.look();
    assert!(scene.objects().is_none(), "the folder is not there");
    assert_eq!(scene.unreadable(), [scene.root.path().join("manifests").display().to_string()]);
    std::fs::create_dir(&folder).unwrap();
    scene.write("a.yaml", &pod("a", "one"));
    scene.inventory.look(SystemTime::now());
    assert!(scene.objects().is_none(), "a.yaml may still be written to");
    scene.look();
    assert!(scene.node_of("a").is_some());
}

#[test]
fn a_folder_that_vanishes_keeps_what_it_had_and_is_reported() {
    let mut scene = Scene::new();
    scene.write("a.yaml", &pod("a", "one"));
    scene.look();
    let folder = scene.root.path().join("manifests");
    std::fs::remove_dir_all(&folder).unwrap();
    scene.look();
    assert_eq!(scene.node_of("a"), Some("one".to_owned()));
    assert_eq!(scene.unreadable(), [folder.display().to_string()]);
    // As where a mount is gone.
    std::fs::create_dir(&folder).unwrap();
    scene.look();
    assert_eq!(scene.node_of("a"), Some("one".to_owned()));
    scene.assert_emptied(Effect::LastGoodVersion);
    scene.write("a.yaml", &pod("a", "two"));
    scene.look();
    assert_eq!(scene.node_of("a"), Some("two".to_owned()));
    assert!(scene.unreadable().is_empty());
}

#[test]
fn an_emptied_folder_keeps_what_it_held_until_it_says_that_there_is_nothing() {
    let mut scene = Scene::new();
    scene.write("a.yaml", &pod("a", "one"));
    scene.write("b.yaml", &pod("b", "one"));
    scene.look();
    for name in ["a.yaml", "b.yaml"] {
        std::fs::remove_file(scene.path(name)).unwrap();
    }
    scene.look();
    assert!(scene.node_of("a").is_some() && scene.node_of("b").is_some());
    scene.assert_emptied(Effect::LastGoodVersion);
    // What is mounted again is broken, and has its last good versions still.
    scene.write("a.yaml", "{");
    scene.write("b.yaml", &pod("b", "one"));
    scene.restart();
    scene.look();
    assert!(scene.node_of("a").is_some());
    for name in ["a.yaml", "b.yaml"] {
        std::fs::remove_file(scene.path(name)).unwrap();
    }
    scene.write("none.yaml", "# there are none\n");
    scene.look();
    assert!(scene.node_of("a").is_none() && scene.node_of("b").is_none());
    assert!(scene.unreadable().is_empty());
}

#[test]
fn a_file_that_cannot_be_looked_at_keeps_what_it_had() {
    let mut scene = Scene::new();
    std::fs::write(scene.root.path().join("target"), pod("a", "one")).unwrap();
    std::os::unix::fs::symlink(scene.root.path().join("target"), scene.path("a.yaml")).unwrap();
    scene.look();
    assert_eq!(scene.node_of("a"), Some("one".to_owned()));
    std::fs::remove_file(scene.root.path().join("target")).unwrap();
    scene.look();
    assert_eq!(scene.node_of("a"), Some("one".to_owned()));
    assert_eq!(scene.unreadable(), ["a.yaml"]);
    scene.restart();
    scene.look();
    assert_eq!(scene.node_of("a"), Some("one".to_owned()), "its last good copy counts after a restart too");
}

#[test]
fn a_swapped_link_is_a_changed_file() {
    // As kubelet updates a mounted ConfigMap.
    let mut scene = Scene::new();
    for (version, node) in [("..1", "one"), ("..2", "two")] {
        std::fs::create_dir(scene.path(version)).unwrap();
        std::fs::write(scene.path(version).join("a.yaml"), pod("a", node)).unwrap();
    }
    std::os::unix::fs::symlink("..1", scene.path("..data")).unwrap();
    std::os::unix::fs::symlink("..data/a.yaml", scene.path("a.yaml")).unwrap();
    scene.look();
    assert_eq!(scene.node_of("a"), Some("one".to_owned()));
    std::os::unix::fs::symlink("..2", scene.path("..data.new")).unwrap();
    std::fs::rename(scene.path("..data.new"), scene.path("..data")).unwrap();
    scene.look();
    assert_eq!(scene.node_of("a"), Some("two".to_owned()));
}

#[test]
fn each_object_keeps_its_own_last_good_version_across_a_restart() {
    let mut scene = Scene::new();
    let both = |a: &str, b: &str| format!("{a}---\n{b}");
    let broken = |name: &str| pod(name, "three").replace("nodeName: three", "nodeName: [three");
    scene.write("a.yaml", &both(&pod("a", "one"), &pod("b", "one")));
    scene.look();
    let nodes = |scene: &Scene| ["a", "b"].map(|name| scene.node_of(name));
    let on = |a: &str, b: &str| [Some(a.to_owned()), Some(b.to_owned())];
    for (text, expected) in [
        (both(&pod("a", "two"), &broken("b")), on("two", "one")),
        (both(&broken("a"), &pod("b", "two")), on("two", "two")),
        (both(&broken("a"), "words"), on("two", "two")),
        (both(&pod("a", "three"), &pod("b", "three").replace("v1", "v9")), on("three", "two")),
    ] {
        scene.write("a.yaml", &text);
        scene.look();
        assert_eq!(nodes(&scene), expected, "{text}");
        scene.restart();
        scene.look();
        assert_eq!(nodes(&scene), expected, "after a restart: {text}");
    }
    // What is no longer there, and not because of a riddle, does not come back with the restart.
    scene.write("a.yaml", &pod("b", "four").replace("v1", "v9"));
    scene.look();
    scene.restart();
    scene.look();
    assert_eq!(nodes(&scene), [None, Some("two".to_owned())]);
}

#[test]
fn an_emptied_file_keeps_what_it_held_until_it_says_that_there_is_nothing() {
    let mut scene = Scene::new();
    scene.write("a.yaml", &pod("a", "one"));
    scene.write("new.yaml", "");
    scene.look();
    for blank in ["", "\n", " \n\t\n"] {
        scene.write("a.yaml", blank);
        scene.look();
        assert_eq!(scene.node_of("a"), Some("one".to_owned()), "{blank:?}");
        let objects = scene.objects().unwrap();
        let problems = karez_translate::translate(&objects, &karez_translate::Options::default()).problems;
        let sources: Vec<_> = problems.iter().map(|report| (&*report.source, report.effect)).collect();
        assert_eq!(sources, [("a.yaml", Effect::LastGoodVersion)], "a file that never held anything is none");
        scene.restart();
        scene.look();
        assert_eq!(scene.node_of("a"), Some("one".to_owned()), "after a restart: {blank:?}");
    }
    scene.write("a.yaml", "# nothing\n");
    scene.look();
    assert_eq!(scene.node_of("a"), None);
    scene.restart();
    scene.look();
    assert_eq!(scene.node_of("a"), None);
}

#[test]
fn nothing_is_published_from_an_empty_folder_where_there_were_manifests_before_the_start() {
    let mut scene = Scene::new();
    scene.look();
    assert!(scene.objects().is_some(), "there never were any");
    scene.write("a.yaml", &pod("a", "one"));
    scene.look();
    std::fs::remove_file(scene.path("a.yaml")).unwrap();
    scene.restart();
    scene.look();
    assert!(scene.objects().is_none());
    scene.assert_emptied(Effect::Nothing);
    scene.write("none.yaml", "# there are none\n");
    scene.look();
    assert!(scene.objects().is_some());
    assert_eq!(scene.node_of("a"), None);
    assert!(scene.unreadable().is_empty());
    scene.restart();
    scene.look();
    assert!(scene.objects().is_some());
}

#[test]
fn only_a_folder_can_be_read() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file.yaml");
    std::fs::write(&file, "").unwrap();
    check(root.path()).unwrap();
    let missing = root.path().join("missing");
    for (path, words) in
        [(&missing, "No such file"), (&file, "is not a folder"), (&file.join("x"), "Not a directory")]
    {
        let message = check(path).unwrap_err().to_string();
        assert!(message.contains(words) && message.contains(&path.display().to_string()), "{message}");
    }
}

#[test]
fn a_policy_that_was_never_readable_refuses_across_a_restart() {
    let mut scene = Scene::new();
    let refuses = |scene: &Scene| {
        let objects = scene.objects().unwrap();
        let resources = karez_translate::translate(&objects, &karez_translate::Options::default()).resources;
        resources.keys().any(|it| it.type_url == karez_api::names::type_url::AUTHORIZATION)
    };
    let policy = |name: &str| {
        format!(
            "apiVersion: karez.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}, namespace: shop}}\n"
        )
    };
    for never in [policy("web") + "spec: [\n", policy("web") + "spec: {rulez: []}\n", policy("W/b")] {
        scene.write("a.yaml", &never);
        scene.look();
        // Nothing tells any more what it was.
        for text in ["words", ""] {
            scene.write("a.yaml", text);
            scene.look();
            assert!(refuses(&scene), "{never}");
            scene.restart();
            scene.look();
            assert!(refuses(&scene), "after a restart: {never}");
        }
        scene.write("a.yaml", "# nothing\n");
        scene.look();
        assert!(!refuses(&scene), "{never}");
    }
}
