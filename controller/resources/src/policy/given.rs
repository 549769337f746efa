//! Fields that, once written, must say something: absent means "any", and an empty list would quietly mean the same.

use serde::de::{Deserialize, Deserializer, Error};

/// A list of at least one element.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
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
