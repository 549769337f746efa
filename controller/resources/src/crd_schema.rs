//! What the schemas of Karez's own kinds say beside the types.

use schemars::Schema;
use schemars::transform::transform_subschemas;
use serde_json::{Map, Value};

/// Makes the API server keep what is written under `spec` and is wrong: unknown fields, and fields without a value.
///
/// It would drop both without a word, and a policy without its misspelt field may open what it was meant to close. Kept, the
/// field reaches the controller, which refuses the object and reports it.
pub(crate) fn keep_mistakes(schema: &mut Schema) {
    if let Some(object) = schema.as_object_mut().filter(|it| it.contains_key("properties")) {
        object.insert("x-kubernetes-preserve-unknown-fields".to_owned(), true.into());
        allow_null_where_optional(object);
    }
    if let Some(values) = schema.get_mut("additionalProperties").and_then(Value::as_object_mut) {
        values.insert("nullable".to_owned(), true.into());
    }
    transform_subschemas(&mut keep_mistakes, schema);
}

/// A required field needs no leave: its absence is refused, and so is its null.
fn allow_null_where_optional(object: &mut Map<String, Value>) {
    let required = object.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let properties = object.get_mut("properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        if let Some(property) = property.as_object_mut().filter(|_| !required.contains(&name.as_str().into()))
        {
            property.insert("nullable".to_owned(), true.into());
        }
    }
}
