//! * [`restart`] – what is kept for the next start
//! * [`emptied`] – files and folders that hold nothing any more

mod emptied;
mod restart;

use karez_translate::Index;
use tempfile::TempDir;

use super::*;
use crate::source;

/// A folder, and who takes in what it sends.
struct Scene {
    root: TempDir,
    source: FolderSource,
    index: Index,
    /// The source has seen everything once.
    complete: bool,
    /// What is wrong with the source.
    told: Vec<Report>,
    /// How many batches came.
    batches: usize,
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
        Self::on(root)
    }

    fn on(root: TempDir) -> Self {
        let (batches, _) = source::channel();
        let source = FolderSource::new(root.path().join("manifests"), root.path().join("copies"), batches);
        Self { root, source, index: Index::default(), complete: false, told: Vec::new(), batches: 0 }
    }

    fn restart(self) -> Self {
        Self::on(self.root)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("manifests").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Looks as often as it takes for whatever happened to be settled.
    fn look(&mut self) {
        (0..3).for_each(|_| self.look_once());
    }

    fn look_once(&mut self) {
        let Some(batch) = self.source.look(SystemTime::now()) else { return };
        self.batches += 1;
        self.complete |= batch.complete;
        assert!(self.complete || batch.deltas.is_empty(), "not before everything was read");
        self.index.apply(batch.deltas);
        self.told = batch.problems.unwrap_or(std::mem::take(&mut self.told));
    }

    fn node_of(&self, pod: &str) -> Option<String> {
        self.index.pods().iter().find(|placement| placement.name == pod)?.node.clone()
    }

    /// Files and folders that cannot be read as a whole.
    fn unreadable(&self) -> Vec<String> {
        let whole = self.told.iter().filter(|report| report.problem.line.is_none());
        whole.map(|report| report.source.clone()).collect()
    }

    /// What is wrong, with its file and what serves in its place.
    fn effects(&self) -> Vec<(String, Effect)> {
        let mut problems = self.index.problems();
        problems.extend(self.told.iter().cloned());
        problems.into_iter().map(|report| (report.source, report.effect)).collect()
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

    let batches = scene.batches;
    scene.look();
    assert_eq!(scene.batches, batches, "nothing happened");

    scene.write("a.yaml", &pod("a", "two"));
    scene.look();
    assert_eq!(scene.node_of("a"), Some("two".to_owned()));
    std::fs::remove_file(scene.path("b.json")).unwrap();
    scene.look();
    assert_eq!(nodes(&scene), [Some("two".to_owned()), None, None, None]);
}

#[test]
fn nothing_is_published_before_everything_was_read() {
    let mut scene = Scene::new();
    let folder = scene.path("");
    std::fs::remove_dir(&folder).unwrap();
    scene.look();
    assert!(!scene.complete, "the folder is not there");
    assert_eq!(scene.unreadable(), [scene.root.path().join("manifests").display().to_string()]);
    std::fs::create_dir(&folder).unwrap();
    scene.write("a.yaml", &pod("a", "one"));
    scene.look_once();
    assert!(!scene.complete, "a.yaml may still be written to");
    scene.look();
    assert!(scene.node_of("a").is_some());
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
    std::os::unix::fs::symlink(scene.root.path().join("target"), scene.path("b.yaml")).unwrap();
    scene.look();
    let expected = [("a.yaml", Effect::LastGoodVersion), ("b.yaml", Effect::Nothing)];
    assert_eq!(scene.effects(), expected.map(|(file, effect)| (file.to_owned(), effect)));
    scene = scene.restart();
    scene.look();
    assert_eq!(scene.node_of("a"), Some("one".to_owned()), "its last good copy counts after a restart too");
}

#[test]
fn what_became_no_regular_file_keeps_what_it_had() {
    let mut scene = Scene::new();
    scene.write("a.yaml", &pod("a", "one"));
    scene.look();
    std::fs::remove_file(scene.path("a.yaml")).unwrap();
    std::fs::create_dir(scene.path("a.yaml")).unwrap();
    scene.look();
    assert_eq!(scene.node_of("a"), Some("one".to_owned()));
    assert_eq!(scene.unreadable(), ["a.yaml"]);
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
