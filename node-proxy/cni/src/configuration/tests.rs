use super::*;

fn with_version(version: &str) -> String {
    format!(
        r#"{{"cniVersion": "{version}", "name": "net", "type": "karez-cni", "socket": "/run/karez/agent.sock",
            "agentFile": "/etc/cni/net.d/karez-agent", "exempt": ["kube-system"], "prevResult": {{"ips": []}}, "runtimeConfig": {{}}}}"#
    )
}

#[test]
fn the_runtime_hands_over_the_entry_that_the_agent_wrote() {
    let configuration = Configuration::read(with_version("1.0.0").as_bytes()).unwrap();
    let entry =
        Entry::new("/run/karez/agent.sock", "/etc/cni/net.d/karez-agent", ["kube-system".to_owned()].into());
    assert_eq!(configuration.entry, entry);
    assert!(configuration.prev_result.is_some());
    let written = serde_json::to_value(&entry).unwrap();
    assert_eq!(written["type"], NAME);
    assert_eq!(serde_json::from_value::<Entry>(written).unwrap(), entry);
}

#[test]
fn versions_without_chains_and_later_ones_are_not_spoken() {
    for version in VERSIONS {
        assert!(Configuration::read(with_version(version).as_bytes()).is_ok(), "{version}");
    }
    for version in ["", "0.2.0", "2.0.0"] {
        let failure = Configuration::read(with_version(version).as_bytes()).unwrap_err();
        assert_eq!(failure.code, Code::IncompatibleVersion, "{version}");
    }
    for text in ["", "{}", "[]", r#"{"cniVersion": "1.0.0", "type": "karez-cni"}"#] {
        assert_eq!(Configuration::read(text.as_bytes()).unwrap_err().code, Code::Decode, "{text}");
    }
}
