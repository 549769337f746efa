//! The chart's CustomResourceDefinitions are those of the types. `KAREZ_BLESS=1 cargo test -p karez-resources --test crds`
//! writes them anew.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test's helpers may fail")]

use std::path::Path;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use karez_api::names;
use karez_resources::mesh::{MESH_NAME, Mesh};
use karez_resources::policy::AuthorizationPolicy;
use karez_resources::status::ACCEPTED;
use kube::CustomResourceExt;
use serde_json::{Value, json};

const HEADER: &str =
    "# Written by `KAREZ_BLESS=1 cargo test -p karez-resources --test crds`: edit the types instead.\n";

fn definitions() -> [CustomResourceDefinition; 2] {
    [AuthorizationPolicy::crd(), Mesh::crd()]
}

#[test]
fn the_chart_has_the_definitions_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts/karez/files/crds");
    for definition in definitions() {
        let file = folder.join(format!("{}.yaml", definition.metadata.name.as_ref().unwrap()));
        let text = HEADER.to_owned() + &serde_saphyr::to_string(&definition).unwrap();
        if std::env::var_os("KAREZ_BLESS").is_some() {
            std::fs::write(&file, &text).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(&file).unwrap(), "{}", file.display());
    }
}

#[test]
fn schemas_are_structural() {
    for definition in definitions() {
        check_structural(&schema(&definition), &definition.spec.names.kind);
    }
}

#[test]
fn the_api_server_keeps_what_is_written_and_wrong_for_the_controller_to_refuse() {
    for definition in definitions() {
        check_keeps_mistakes(&schema(&definition)["properties"]["spec"], "spec");
    }
}

#[test]
fn what_the_api_server_keeps_is_refused() {
    for spec in [
        json!({"acton": "Deny"}),
        json!({"selectr": {}}),
        json!({"selector": null}),
        json!({"selector": {"matchLabels": null}}),
        json!({"selector": {"matchLabels": {"app": null}}}),
        json!({"targetRefs": null}),
        json!({"action": null}),
        json!({"mode": null}),
        json!({"rules": null}),
        json!({"rules": [{"form": []}]}),
        json!({"rules": [{"from": null}]}),
        json!({"rules": [{"from": [{"source": {"principals": null}}]}]}),
        json!({"rules": [{"from": [{"source": {"namespaces": ["shop"], "not": 1}}]}]}),
    ] {
        let object = json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": spec});
        let read: Result<AuthorizationPolicy, _> = karez_resources::object::decode(object);
        let resource = read.and_then(karez_resources::Resource::try_from);
        assert!(resource.is_err(), "{spec}");
    }
    for field in ["trustDomain", "clusterDomain", "mtls", "sameNode", "addressRanges", "mtsl"] {
        let object = json!({"metadata": {"name": MESH_NAME}, "spec": {field: null}});
        let read: Result<Mesh, _> = karez_resources::object::decode(object);
        assert!(read.is_err(), "{field}");
    }
}

#[test]
fn rules_name_what_the_code_names() {
    let [policy, mesh] = definitions();
    assert!(
        schema(&policy).to_string().contains(&format!("self.metadata.name != '{}'", names::STRICT_POLICY))
    );
    assert!(schema(&mesh).to_string().contains(&format!("self.metadata.name == '{MESH_NAME}'")));
    for definition in [policy, mesh] {
        let columns = json!(definition.spec.versions[0].additional_printer_columns).to_string();
        assert!(columns.contains(&format!("@.type==\\\"{ACCEPTED}\\\"")), "{columns}");
    }
}

fn schema(definition: &CustomResourceDefinition) -> Value {
    json!(definition.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema)
}

/// The API server refuses a schema that has a node without a type, a reference, or alternatives.
fn check_structural(schema: &Value, path: &str) {
    assert!(schema["type"].is_string(), "{path} has no type: {schema}");
    for keyword in ["$ref", "allOf", "anyOf", "oneOf", "not", "definitions"] {
        assert!(schema.get(keyword).is_none(), "{path} has {keyword}");
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        check_structural(property, &format!("{path}.{name}"));
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner_schema) = schema.get(inner) {
            check_structural(inner_schema, &format!("{path}.{inner}"));
        }
    }
}

/// Every object node keeps unknown fields, and every optional field keeps a null.
fn check_keeps_mistakes(schema: &Value, path: &str) {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    if let Some(properties) = schema["properties"].as_object() {
        assert_eq!(schema["x-kubernetes-preserve-unknown-fields"], true, "{path}");
        for (name, property) in properties {
            let is_kept = property["nullable"] == true || required.contains(&json!(name));
            assert!(is_kept, "a null at {path}.{name} is dropped");
            check_keeps_mistakes(property, &format!("{path}.{name}"));
        }
    }
    if let Some(values) = schema.get("additionalProperties") {
        assert_eq!(values["nullable"], true, "a null in {path} is dropped");
    }
    if let Some(items) = schema.get("items") {
        check_keeps_mistakes(items, &format!("{path}[]"));
    }
}
