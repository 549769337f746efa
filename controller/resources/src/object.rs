//! From JSON to an object's own type, with errors that name the field.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::problem::{FieldError, shortened};

/// An object of a kind that the API declares, not validated yet.
///
/// # Errors
/// Names the field that is not of its type.
pub fn decode<T: DeserializeOwned>(object: Value) -> Result<T, FieldError> {
    serde_path_to_error::deserialize(object).map_err(|error| {
        let field = match error.path().to_string() {
            root if root == "." => String::new(),
            path => path,
        };
        FieldError::new(field, shortened(&error.inner().to_string()))
    })
}
