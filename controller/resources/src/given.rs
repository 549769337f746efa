//! Fields that, once written, must say something: absent means "any", and an empty list would quietly mean the same.

use schemars::Schema;
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;

/// A list of at least one element.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let list = Vec::deserialize(deserializer)?;
    if list.is_empty() {
        return Err(D::Error::custom(
            "must not be an empty list: leave the field out if it is to mean anything at all",
        ));
    }
    Ok(list)
}

/// A value that is not null.
pub(crate) fn value<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Tells the API server what [`list`] asks: no list of the object is empty.
pub(crate) fn lists_in_schema(schema: &mut Schema) {
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(|properties| properties.values_mut()) {
        if let Some(list) = property.as_object_mut().filter(|it| it.get("type") == Some(&"array".into())) {
            list.insert("minItems".to_owned(), 1.into());
        }
    }
}
