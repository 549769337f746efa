use std::os::unix::fs::symlink;

use super::*;

const WEB: &str = "0f2b4c6d-8e9a-4b1c-8d2e-3f4a5b6c7d8e";
const OTHER: &str = "1f2b4c6d-8e9a-4b1c-8d2e-3f4a5b6c7d8e";

/// A procfs and a folder of mounted namespaces, in which any file stands for a namespace.
struct Node {
    folder: tempfile::TempDir,
    processes: Processes,
}

impl Node {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (proc, mounted) = (folder.path().join("proc"), folder.path().join("netns"));
        fs::create_dir(&proc).unwrap();
        Self { folder, processes: Processes { proc, mounted } }
    }

    fn namespace(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, "").unwrap();
        path
    }

    fn process(&self, pid: u32, pod: &str, started: u64, namespace: &Path) {
        let folder = self.processes.folder(pid);
        fs::create_dir_all(folder.join("ns")).unwrap();
        symlink(namespace, folder.join("ns/net")).unwrap();
        fs::write(folder.join("cgroup"), format!("0::/kubepods/pod{pod}/c1\n")).unwrap();
        let stat = format!("{pid} (a) b ) S {} {started} 0 0", ["0"; 18].join(" "));
        fs::write(folder.join("stat"), stat).unwrap();
    }

    fn find(&self, uids: &[&str]) -> BTreeMap<String, Vec<FoundNamespace>> {
        self.processes.find(&uids.iter().map(ToString::to_string).collect()).unwrap()
    }
}

fn found(id_of: &Path, path: PathBuf) -> FoundNamespace {
    FoundNamespace { path, id: namespace_at(id_of).unwrap() }
}

#[test]
fn the_oldest_process_comes_first_and_each_namespace_once() {
    let node = Node::new();
    let (sandbox, nested) = (node.namespace("sandbox"), node.namespace("nested"));
    node.process(30, WEB, 100, &sandbox);
    node.process(10, WEB, 300, &nested);
    node.process(20, WEB, 200, &sandbox);
    node.process(40, OTHER, 50, &nested);
    let of = |pid| node.processes.namespace_path(pid);
    let expected = vec![found(&sandbox, of(30)), found(&nested, of(10))];
    assert_eq!(node.find(&[WEB]), BTreeMap::from([(WEB.to_owned(), expected)]));
    assert!(node.find(&[]).is_empty());
}

#[test]
fn a_mounted_namespace_outlives_its_processes() {
    let node = Node::new();
    fs::create_dir(&node.processes.mounted).unwrap();
    let mounted = node.namespace("netns/cni-1");
    node.process(10, WEB, 1, &mounted);
    let expected = vec![found(&mounted, mounted.clone())];
    assert_eq!(node.find(&[WEB]), BTreeMap::from([(WEB.to_owned(), expected)]));
}

#[test]
fn a_pod_on_the_hosts_network_has_none() {
    let node = Node::new();
    node.process(10, WEB, 1, Path::new("/proc/self/ns/net"));
    assert!(node.find(&[WEB]).is_empty());
}

#[test]
fn a_process_that_is_half_there_is_none() {
    let node = Node::new();
    let sandbox = node.namespace("sandbox");
    for (pid, missing) in [(10, "stat"), (11, "cgroup"), (12, "ns/net")] {
        node.process(pid, WEB, 1, &sandbox);
        fs::remove_file(node.processes.folder(pid).join(missing)).unwrap();
    }
    fs::create_dir(node.processes.proc.join("sys")).unwrap();
    assert!(node.find(&[WEB]).is_empty());
}

#[test]
fn the_start_time_is_found_behind_any_name() {
    let stat = |name: &str| format!("1 ({name}) S {} 4711 0", ["7"; 18].join(" "));
    for name in ["init", "a b", ") S 1 (", "((", ""] {
        assert_eq!(started(&stat(name)), Some(4711), "{name:?}");
    }
    for wrong in ["", "1", "1 (init) S 1 2 3", "1 (init"] {
        assert_eq!(started(wrong), None, "{wrong:?}");
    }
}

#[test]
fn kubelet_is_the_nodes_own_process_and_no_pods() {
    let node = Node::new();
    let (own, other) = (Path::new("/proc/self/ns/net"), node.namespace("other"));
    let process = |pid: u32, name: &str, cgroup: &str, namespace: &Path| {
        node.process(pid, WEB, u64::from(100 - pid), namespace);
        fs::write(node.processes.folder(pid).join("comm"), format!("{name}\n")).unwrap();
        fs::write(node.processes.folder(pid).join("cgroup"), format!("0::{cgroup}\n")).unwrap();
    };
    process(10, "kubelet", "/system.slice/kubelet.service", own);
    process(20, "kubelet", &format!("/kubepods/pod{WEB}/c1"), own);
    process(30, "kubelet", "/", &other);
    process(40, "containerd", "/", own);
    let kubelet = || node.processes.on_node(&["kubelet".to_owned()]).unwrap();
    let found = kubelet().unwrap();
    assert_eq!(
        found.pid, 10,
        "neither a Pod's process of that name on the host's network, nor one of another network"
    );
    assert!(node.processes.is_running(&found));

    fs::remove_dir_all(node.processes.folder(10)).unwrap();
    assert!(!node.processes.is_running(&found));
    assert_eq!(kubelet(), None);
}
