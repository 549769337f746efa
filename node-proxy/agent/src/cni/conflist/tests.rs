use serde_json::json;

use super::*;

fn entry() -> Entry {
    Entry::new("/run/karez/agent.sock", "/etc/cni/net.d/karez-agent", ["kube-system".to_owned()].into())
}

fn list(plugins: &[Value]) -> String {
    json!({"cniVersion": "1.0.0", "name": "net", "plugins": plugins}).to_string()
}

fn types(text: &str) -> Vec<String> {
    let list: Value = serde_json::from_str(text).unwrap();
    list["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .map(|plugin| plugin["type"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_entry_stands_behind_all_others_once() {
    let (bridge, portmap) = (json!({"type": "bridge", "mtu": 1400}), json!({"type": "portmap"}));
    let ours = serde_json::to_value(entry()).unwrap();
    let older = json!({"type": "karez-cni", "socket": "/old"});
    let cases = [
        vec![bridge.clone(), portmap.clone()],
        vec![bridge.clone(), older.clone(), portmap.clone()],
        vec![bridge.clone(), ours.clone(), portmap.clone()],
        vec![bridge.clone(), portmap.clone(), ours.clone(), ours.clone()],
        vec![bridge.clone(), portmap.clone(), older],
    ];
    for plugins in cases {
        let text = with_entry(&list(&plugins), &entry()).unwrap().unwrap();
        assert_eq!(types(&text), ["bridge", "portmap", "karez-cni"], "{plugins:?}");
        assert!(text.contains("1400") && text.contains("net"), "the rest stays");
        assert_eq!(with_entry(&text, &entry()).unwrap(), None, "it is there");
        let without = without_entry(&text).unwrap().unwrap();
        assert_eq!(types(&without), ["bridge", "portmap"]);
        assert_eq!(without_entry(&without).unwrap(), None);
    }
}

#[test]
fn a_list_that_it_cannot_stand_in_is_left_alone() {
    for text in ["", "[]", "{", r#"{"cniVersion": "1.0.0", "type": "bridge"}"#] {
        assert!(with_entry(text, &entry()).is_err(), "{text}");
    }
    let old = json!({"cniVersion": "0.2.0", "plugins": []}).to_string();
    assert!(matches!(with_entry(&old, &entry()), Err(InvalidConflist::Version(_))));
    assert!(matches!(without_entry("{}"), Err(InvalidConflist::NoPlugins)));
}
