use std::path::Path;

use tempfile::TempDir;

use super::*;

/// A folder and the clock: a file's own time is the real one.
struct Scene {
    folder: TempDir,
    settling: Settling,
    now: SystemTime,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Before anything is old enough to be settled at first sight.
        Self { folder, settling: Settling::default(), now: SystemTime::now() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn listing(&self) -> Listing {
        Listing::of(self.path(), self.settling.known())
    }

    /// Names that are to be read, and those that are gone.
    fn plan(&mut self) -> (Vec<String>, Vec<String>) {
        let Plan { read, gone, .. } = self.settling.plan(self.listing(), self.now);
        for (name, stamp) in &read {
            self.settling.loaded(name, *stamp);
        }
        (read.into_iter().map(|(name, _)| name).collect(), gone)
    }
}

fn nothing() -> (Vec<String>, Vec<String>) {
    (vec![], vec![])
}

fn read(name: &str) -> (Vec<String>, Vec<String>) {
    (vec![name.to_owned()], vec![])
}

#[test]
fn a_new_file_is_read_when_it_has_not_changed_for_a_while() {
    let mut scene = Scene::new();
    scene.write("a.yaml", "1");
    assert_eq!(scene.plan(), nothing());
    assert!(!scene.settling.is_complete());
    scene.write("a.yaml", "12");
    assert_eq!(scene.plan(), nothing(), "it has grown since");
    assert_eq!(scene.plan(), read("a.yaml"));
    assert!(scene.settling.is_complete());
    assert_eq!(scene.plan(), nothing());
}

#[test]
fn a_file_that_changes_at_every_look_is_waited_for_and_not_for_ever() {
    let mut scene = Scene::new();
    let mut text = String::new();
    let mut look = |scene: &mut Scene| {
        text.push('#');
        scene.write("a.yaml", &text);
        scene.settling.plan(scene.listing(), scene.now)
    };
    for _ in 0..=PATIENCE {
        assert_eq!(look(&mut scene), Plan::default());
        assert!(!scene.settling.is_complete());
    }
    for _ in 0..3 {
        let plan = look(&mut scene);
        assert_eq!((plan.read.len(), plan.restless.len()), (0, 1));
        assert!(scene.settling.is_complete());
    }
    assert_eq!(scene.plan(), read("a.yaml"));
}

#[test]
fn an_old_file_is_read_at_first_sight() {
    let mut scene = Scene::new();
    scene.write("a.yaml", "1");
    scene.now += Duration::from_secs(10);
    assert_eq!(scene.plan(), read("a.yaml"));
}

#[test]
fn a_file_that_is_replaced_is_missing_for_a_moment_only() {
    let mut scene = Scene::new();
    scene.write("a.yaml", "1");
    scene.write("b.yaml", "1");
    scene.now += Duration::from_secs(10);
    assert_eq!(scene.plan().0, ["a.yaml", "b.yaml"]);
    std::fs::remove_file(scene.path().join("a.yaml")).unwrap();
    assert_eq!(scene.plan(), nothing());
    scene.write("a.yaml", "2");
    assert_eq!(scene.plan(), read("a.yaml"));
    std::fs::remove_file(scene.path().join("a.yaml")).unwrap();
    assert_eq!(scene.plan(), nothing());
    assert_eq!(scene.plan(), (vec![], vec!["a.yaml".to_owned()]));
    assert_eq!(scene.plan(), nothing());
}

#[test]
fn nothing_is_gone_while_the_folder_is() {
    let mut scene = Scene::new();
    scene.write("a.yaml", "1");
    scene.now += Duration::from_secs(10);
    assert_eq!(scene.plan(), read("a.yaml"));
    let aside = scene.path().with_extension("aside");
    std::fs::rename(scene.path(), &aside).unwrap();
    for _ in 0..3 {
        assert_eq!(scene.plan(), nothing());
        assert!(!scene.settling.is_complete());
    }
    std::fs::rename(&aside, scene.path()).unwrap();
    assert_eq!(scene.plan(), nothing());
}

#[test]
fn nothing_is_gone_while_the_folder_holds_nothing() {
    let mut scene = Scene::new();
    scene.write("a.yaml", "1");
    scene.write("b.yaml", "1");
    scene.now += Duration::from_secs(10);
    assert_eq!(scene.plan().0, ["a.yaml", "b.yaml"]);
    for name in ["a.yaml", "b.yaml"] {
        std::fs::remove_file(scene.path().join(name)).unwrap();
    }
    for _ in 0..3 {
        assert_eq!(scene.plan(), nothing());
        assert!(!scene.settling.is_complete());
    }
    scene.write("c.yaml", "1");
    scene.now += Duration::from_secs(10);
    assert_eq!(scene.plan(), read("c.yaml"));
    assert_eq!(scene.plan(), (vec![], vec!["a.yaml".to_owned(), "b.yaml".to_owned()]));
}

#[test]
fn what_was_known_and_is_not_there_is_gone_at_the_second_look() {
    let mut scene = Scene::new();
    scene.settling = Settling::knowing(["a.yaml".to_owned()].into());
    scene.write("b.yaml", "1");
    scene.now += Duration::from_secs(10);
    assert_eq!(scene.plan(), read("b.yaml"));
    assert!(!scene.settling.is_complete(), "a.yaml may be back at the next look");
    assert_eq!(scene.plan(), (vec![], vec!["a.yaml".to_owned()]));
    assert!(scene.settling.is_complete());
}

#[test]
fn a_file_that_cannot_be_read_is_tried_again() {
    let mut settling = Settling::default();
    let scene = Scene::new();
    scene.write("a.yaml", "1");
    let later = scene.now + Duration::from_secs(10);
    for _ in 0..2 {
        let plan = settling.plan(scene.listing(), later);
        assert_eq!(plan.read.len(), 1);
        settling.failed("a.yaml");
        assert!(settling.is_complete());
    }
}
