use serde_json::json;

use super::*;

fn read(mesh: &str, mtls: &str, same_node: &str) -> Namespace {
    let labels = json!({"karez.dev/mesh": mesh});
    let annotations = json!({"karez.dev/mtls": mtls, "karez.dev/same-node": same_node});
    let object = json!({"metadata": {"name": "shop", "labels": labels, "annotations": annotations}});
    serde_json::from_value::<k8s::Namespace>(object).unwrap().try_into().unwrap()
}

#[test]
fn an_unknown_word_counts_as_the_strictest_and_is_told_with_its_field() {
    let good = read("disabled", "permissive", "direct");
    assert_eq!(good.enrolment, Some(Enrolment::Disabled));
    assert_eq!((good.mtls, good.same_node), (Some(MtlsMode::Permissive), Some(SameNode::Direct)));
    assert!(good.unknown_words.is_empty());
    let wrong = read("true", "on", "fast");
    assert_eq!(wrong.enrolment, Some(Enrolment::Enabled));
    assert_eq!((wrong.mtls, wrong.same_node), (Some(MtlsMode::Strict), Some(SameNode::Tunnel)));
    let fields: Vec<&str> = wrong.unknown_words.iter().map(|error| &*error.field).collect();
    assert_eq!(
        fields,
        [
            "metadata.labels[karez.dev/mesh]",
            "metadata.annotations[karez.dev/mtls]",
            "metadata.annotations[karez.dev/same-node]",
        ]
    );
    assert!(wrong.unknown_words[1].message.contains("neither strict nor permissive"));
}

#[test]
fn a_word_that_is_no_port_opens_nothing_and_is_told() {
    let read = |ports: &str| {
        let annotations = json!({"karez.dev/permissive-ports": ports});
        let object = json!({"metadata": {"name": "shop", "annotations": annotations}});
        Namespace::try_from(serde_json::from_value::<k8s::Namespace>(object).unwrap()).unwrap()
    };
    let good = read("8443,9090");
    assert_eq!(good.permissive_ports, Some([8443, 9090].into()));
    assert!(good.unknown_words.is_empty());
    let wrong = read("8443,https,80-90");
    assert_eq!(wrong.permissive_ports, Some([8443].into()));
    let told = FieldError::new(
        "metadata.annotations[karez.dev/permissive-ports]",
        "\"https\" is not a port: 1 to 65535, separated by commas (and 1 more): it opens nothing",
    );
    assert_eq!(wrong.unknown_words, [told]);
}
