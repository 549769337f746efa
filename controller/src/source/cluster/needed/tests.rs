use serde_json::json;

use super::*;

fn kept(kind: Kind, object: &Value) -> Value {
    Needed::of(kind).deserialize(object).unwrap()
}

#[test]
fn what_nobody_reads_is_dropped_and_all_else_is_kept() {
    let object = json!({
        "kind": "Pod",
        "metadata": {"name": "web", "labels": {"env": "a"}, "managedFields": [{"manager": "kubelet"}]},
        "spec": {
            "nodeName": "n1",
            "hostNetwork": true,
            "volumes": [{"name": "config"}],
            "containers": [
                {"name": "web", "env": [{"name": "A"}], "ports": [{"name": "http", "containerPort": 80}]},
                {"name": "side", "resources": {"limits": {"cpu": "1"}}},
            ],
        },
        "status": {"podIP": "10.0.0.1", "containerStatuses": [{"name": "web"}]},
    });
    let expected = json!({
        "kind": "Pod",
        "metadata": {"name": "web", "labels": {"env": "a"}},
        "spec": {
            "nodeName": "n1",
            "hostNetwork": true,
            "containers": [
                {"name": "web", "ports": [{"name": "http", "containerPort": 80}]},
                {"name": "side"},
            ],
        },
        "status": {"podIP": "10.0.0.1"},
    });
    assert_eq!(kept(Kind::Pod, &object), expected);
}

/// A Pod's fields have those names in other places too.
#[test]
fn fields_of_other_kinds_and_places_stay() {
    let policy = json!({"metadata": {"name": "a", "annotations": {"volumes": "b"}}, "spec": {"volumes": 1, "rules": [{}]}});
    assert_eq!(kept(Kind::AuthorizationPolicy, &policy), policy);
}

/// Its reader names the field that is wrong.
#[test]
fn what_is_of_another_type_is_kept() {
    for wrong in [json!("text"), json!(null), json!(true), json!(-1), json!(1.5), json!([1, "a"])] {
        let object = json!({"metadata": wrong, "spec": {"containers": wrong}, "status": wrong});
        assert_eq!(kept(Kind::Pod, &object), object);
    }
}
