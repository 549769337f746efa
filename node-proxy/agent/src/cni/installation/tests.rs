use std::time::Duration;

use super::*;

struct Node {
    folder: tempfile::TempDir,
    installation: Installation,
}

impl Node {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["bin", "net.d"] {
            fs::create_dir(path(name)).unwrap();
        }
        fs::write(path("karez-cni"), "the program").unwrap();
        let installation = Installation {
            program: path("karez-cni"),
            bin_dir: path("bin"),
            conf_dir: path("net.d"),
            socket: "/run/karez/agent.sock".into(),
            exempt: ["kube-system".to_owned()].into(),
        };
        Self { folder, installation }
    }

    fn configure(&self, name: &str) {
        let text = r#"{"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "bridge"}]}"#;
        fs::write(self.installation.conf_dir.join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }
}

#[test]
fn the_program_comes_before_its_entry_in_the_first_network() {
    let node = Node::new();
    assert!(matches!(node.installation.install(), Err(InstallError::NoConflist(_))));
    assert_eq!(node.read("bin/karez-cni"), "the program");
    for name in ["20-other.conflist", "10-net.conflist", "15-no-list.conf", "00-half.conflist.karez-new"] {
        node.configure(name);
    }
    assert!(node.installation.install().unwrap());
    let list = node.read("net.d/10-net.conflist");
    assert!(list.contains("karez-cni") && list.contains("kube-system"), "{list}");
    for name in ["20-other.conflist", "15-no-list.conf"] {
        assert!(!node.read(&format!("net.d/{name}")).contains("karez-cni"), "{name}");
    }
    let mode = fs::metadata(node.folder.path().join("bin/karez-cni")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    assert!(!node.installation.install().unwrap(), "all is there");
}

#[test]
fn a_network_that_is_no_list_and_comes_first_is_told_of() {
    let node = Node::new();
    node.configure("10-net.conflist");
    for name in ["05-no-list.conf", "04-no-list.json"] {
        node.configure(name);
        let refused = node.installation.install().unwrap_err();
        assert!(matches!(&refused, InstallError::NoList(path) if path.ends_with(name)), "{refused}");
        assert!(!node.read("net.d/10-net.conflist").contains("karez-cni"), "no runtime reads it");
    }
}

#[test]
fn what_another_program_writes_at_the_same_moment_stays() {
    let node = Node::new();
    node.configure("10-net.conflist");
    let path = node.installation.conf_dir.join("10-net.conflist");
    let edited = edit(&path, "what it was a moment ago", "ours");
    assert!(matches!(edited, Err(InstallError::Changed(_))), "{edited:?}");
    assert!(node.read("net.d/10-net.conflist").contains("bridge"));
    assert_eq!(fs::read_dir(&node.installation.conf_dir).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn what_another_program_undoes_is_put_right() {
    let node = Node::new();
    node.configure("10-net.conflist");
    node.installation.install().unwrap();
    node.configure("10-net.conflist");
    assert!(node.installation.install().unwrap());
    fs::write(node.installation.bin_dir.join(NAME), "another version").unwrap();
    assert!(node.installation.install().unwrap());
    assert_eq!(node.read("bin/karez-cni"), "the program");
}

#[test]
fn nothing_is_left_behind() {
    let node = Node::new();
    node.configure("10-net.conflist");
    node.installation.install().unwrap();
    node.installation.tell(&AgentFile::default()).unwrap();
    node.installation.uninstall().unwrap();
    assert!(!node.read("net.d/10-net.conflist").contains("karez"));
    assert_eq!(fs::read_dir(&node.installation.bin_dir).unwrap().count(), 0);
    assert_eq!(fs::read_dir(&node.installation.conf_dir).unwrap().count(), 1);
    node.installation.uninstall().unwrap();
}

#[test]
fn the_plugin_is_told_and_given_signs_of_life() {
    let node = Node::new();
    assert_eq!(node.installation.told(), None);
    assert!(node.installation.touch().is_err(), "nothing is there to be touched");
    let file = AgentFile { enrolled: ["shop".to_owned()].into() };
    node.installation.tell(&file).unwrap();
    assert_eq!(node.installation.told(), Some(file));
    let path = node.installation.agent_file();
    let long_ago = SystemTime::now() - Duration::from_secs(3600);
    fs::File::options().append(true).open(&path).unwrap().set_modified(long_ago).unwrap();
    node.installation.touch().unwrap();
    let touched = fs::metadata(&path).unwrap().modified().unwrap();
    assert!(touched > long_ago + Duration::from_secs(60));
}
