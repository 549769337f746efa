//! * [`restart`] – what is kept for the next start
//! * [`emptied`] – files and folders that hold nothing any more

mod emptied;
mod restart;

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
    let unreadable = scene.reader.borrow().unreadable.clone();
    let effects: Vec<_> = unreadable.iter().map(|report| (&*report.source, report.effect)).collect();
    assert_eq!(effects, [("a.yaml", Effect::LastGoodVersion), ("b.yaml", Effect::Nothing)]);
    scene.restart();
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
