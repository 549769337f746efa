use serde_json::{Value, json};

use super::*;

fn review(user: &str, extra: &Value) -> Value {
    json!({"authenticated": true, "audiences": ["karez"], "user": {"username": user, "extra": extra}})
}

fn read(status: Value) -> Result<Caller, ReviewRefusal> {
    caller(&serde_json::from_value(status).unwrap(), "karez-system")
}

fn extra() -> Value {
    json!({NODE_NAME: ["n1"], POD_UID: ["u1"]})
}

#[test]
fn programs_are_known_by_their_account_and_their_pod() {
    let (node, pod) = ("n1".to_owned(), Some("u1".to_owned()));
    let of = |account: &str| read(review(&format!("system:serviceaccount:karez-system:{account}"), &extra()));
    assert_eq!(of("karez-node"), Ok(Caller::NodeProxy { node: node.clone(), pod: pod.clone() }));
    assert_eq!(of("karez-agent"), Ok(Caller::Agent { node, pod }));
    let user = Some("system:serviceaccount:karez-system:karez-operator".to_owned());
    assert_eq!(of("karez-operator"), Ok(Caller::Operator { user }));
}

#[test]
fn other_accounts_are_nobody() {
    for user in [
        "system:serviceaccount:shop:karez-node",
        "system:serviceaccount:karez-system:default",
        "system:serviceaccount:karez-systemkarez-node",
        "karez-system:karez-node",
        "",
    ] {
        let refused = read(review(user, &extra()));
        assert!(matches!(refused, Err(ReviewRefusal::OtherAccount { .. })), "{user}: {refused:?}");
    }
}

#[test]
fn a_token_that_is_bound_to_no_pod_on_a_node_is_no_programs() {
    let proxy = "system:serviceaccount:karez-system:karez-node";
    let two = json!({NODE_NAME: ["n1", "n2"], POD_UID: ["u1"]});
    for extra in [Value::Null, json!({POD_UID: ["u1"]}), json!({NODE_NAME: ["n1"]}), two] {
        let refused = read(review(proxy, &extra));
        assert!(matches!(refused, Err(ReviewRefusal::NotBound { .. })), "{extra}: {refused:?}");
    }
}

#[test]
fn a_token_is_accepted_for_this_audience_alone() {
    let mut status = review("system:serviceaccount:karez-system:karez-node", &extra());
    status["audiences"] = json!(["https://kubernetes.default.svc"]);
    assert_eq!(read(status.clone()), Err(ReviewRefusal::OtherAudience));
    status["audiences"] = Value::Null;
    assert_eq!(read(status.clone()), Err(ReviewRefusal::OtherAudience));
    status["authenticated"] = json!(false);
    assert!(matches!(read(status), Err(ReviewRefusal::NotAccepted { .. })));
}
