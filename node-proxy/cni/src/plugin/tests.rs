use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::thread;

use super::*;
use crate::agent_file::{AgentFile, GONE_AFTER};

/// A node: its configuration and what the agent keeps on disk.
struct Node {
    folder: tempfile::TempDir,
}

impl Node {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("agent.sock")
    }

    /// An agent was installed, and has given a sign of life so long ago.
    fn install(&self, silent: Duration) {
        let file = AgentFile { enrolled: ["shop".to_owned()].into() };
        self.write(&serde_json::to_vec(&file).unwrap(), silent);
    }

    fn write(&self, content: &[u8], silent: Duration) {
        let path = self.folder.path().join("agent-file");
        fs::write(&path, content).unwrap();
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(SystemTime::now() - silent)
            .unwrap();
    }

    /// An agent that gives these answers, one a connection.
    fn serve(&self, answers: &'static [&'static str]) -> thread::JoinHandle<()> {
        let listener = UnixListener::bind(self.socket()).unwrap();
        thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut asked = [0; 4096];
                while !asked.contains(&b'}') {
                    assert!(stream.read(&mut asked).unwrap() > 0);
                }
                stream.write_all(answer.as_bytes()).unwrap();
            }
        })
    }

    fn add(&self, namespace: &str) -> Result<String, Failure> {
        let pod =
            NewPod { namespace: namespace.to_owned(), name: "web".to_owned(), uid: None, netns: "/n".into() };
        self.run(&Invocation::Add(pod))
    }

    fn run(&self, invocation: &Invocation) -> Result<String, Failure> {
        let configuration = serde_json::json!({
            "cniVersion": "1.0.0", "name": "net", "type": "karez-cni", "socket": self.socket(),
            "agentFile": self.folder.path().join("agent-file"), "exempt": ["kube-system"],
            "prevResult": {"cniVersion": "1.0.0", "ips": [1]},
        });
        run(invocation, configuration.to_string().as_bytes(), UPTIME)
    }
}

/// The node runs longer than an agent that is there is silent.
const UPTIME: Duration = Duration::from_secs(3600);
const PASSED_ON: &str = r#"{"cniVersion":"1.0.0","ips":[1]}"#;
const CAPTURED: &str = "HTTP/1.1 200 OK\r\n\r\n{\"captured\":true}";
const NOT_TOLD: &str = "HTTP/1.1 404 Not Found\r\n\r\n{\"error\":\"not told\"}";

#[test]
fn a_pod_starts_once_the_agent_has_captured_it() {
    let node = Node::new();
    node.install(Duration::ZERO);
    let agent = node.serve(&[NOT_TOLD, CAPTURED]);
    assert_eq!(node.add("shop").unwrap(), PASSED_ON);
    agent.join().unwrap();
}

#[test]
fn without_an_agent_other_namespaces_start_at_once() {
    let node = Node::new();
    assert_eq!(node.add("shop").unwrap(), PASSED_ON, "none was ever there");
    assert_eq!(node.run(&Invocation::AddForeign).unwrap(), PASSED_ON, "no Pod's container");
    node.install(Duration::ZERO);
    for namespace in ["other", "kube-system"] {
        assert_eq!(node.add(namespace).unwrap(), PASSED_ON, "{namespace}");
    }
    node.install(GONE_AFTER + Duration::from_secs(60));
    assert_eq!(node.add("shop").unwrap(), PASSED_ON, "it is gone for good");
}

#[test]
fn a_pod_that_the_controller_has_not_told_of_starts_where_its_namespace_is_not_enrolled() {
    let node = Node::new();
    node.install(Duration::ZERO);
    let agent = node.serve(&[NOT_TOLD]);
    assert_eq!(node.add("other").unwrap(), PASSED_ON);
    agent.join().unwrap();
}

#[test]
fn a_damaged_file_keeps_no_pod_from_starting_and_the_agent_is_asked_all_the_same() {
    let node = Node::new();
    node.write(b"", Duration::ZERO);
    for namespace in ["kube-system", "other", "shop"] {
        assert_eq!(node.add(namespace).unwrap(), PASSED_ON, "{namespace}");
    }
    let agent = node.serve(&[NOT_TOLD]);
    assert_eq!(node.add("shop").unwrap(), PASSED_ON);
    agent.join().unwrap();
}

#[test]
fn a_network_of_its_own_it_has_not() {
    let entry = r#"{"cniVersion": "1.0.0", "type": "karez-cni", "socket": "/s", "agentFile": "/f"}"#;
    let pod = NewPod { namespace: "shop".to_owned(), name: "web".to_owned(), uid: None, netns: "/n".into() };
    let failure = run(&Invocation::Add(pod), entry.as_bytes(), UPTIME).unwrap_err();
    assert_eq!(failure.code, Code::Configuration);
    let told: serde_json::Value = serde_json::from_str(&failure.to_json("1.0.0")).unwrap();
    assert_eq!((told["code"].as_u64(), told["cniVersion"].as_str()), (Some(7), Some("1.0.0")));
}

#[test]
fn versions_are_told_and_removal_says_nothing() {
    let versions: serde_json::Value =
        serde_json::from_str(&run(&Invocation::Version, b"", UPTIME).unwrap()).unwrap();
    assert!(versions["supportedVersions"].as_array().unwrap().contains(&"1.1.0".into()));
    assert_eq!(run(&Invocation::Nothing, b"not even a configuration", UPTIME).unwrap(), "");
}
