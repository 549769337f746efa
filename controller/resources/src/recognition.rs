//! Which kind an object is of, by what it says of itself; or why that cannot be told.

use karez_api::names;

use crate::problem::FieldError;
use crate::resource::Kind;

/// API groups of other projects that have a kind of the same name as one of ours.
const FOREIGN_GROUPS: [&str; 2] = ["security.istio.io", "policy.linkerd.io"];

/// What an object says that it is.
pub(crate) enum Recognised {
    Ours(Kind),
    NotOurs,
    /// Of a kind that we read, in an API version in which we do not.
    OtherVersion(Kind, FieldError),
    /// Of no kind that there is.
    Unknown {
        /// What it is taken for all the same.
        guess: Option<Kind>,
        problem: FieldError,
    },
}

/// Recognises an object by its `apiVersion` and `kind`.
pub(crate) fn recognise(api_version: &str, kind: &str) -> Recognised {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    // Whatever an object of this group was meant to be, the group's kinds close things: it is taken for a policy.
    let guess = (group == names::GROUP).then_some(Kind::AuthorizationPolicy);
    let unknown =
        |field: &str, message: &str| Recognised::Unknown { guess, problem: FieldError::new(field, message) };
    match Kind::ALL.into_iter().find(|ours| ours.as_str() == kind) {
        Some(ours) if ours.api_version() == api_version => Recognised::Ours(ours),
        Some(_) if FOREIGN_GROUPS.contains(&group) => Recognised::NotOurs,
        Some(ours) => {
            let message =
                format!("the apiVersion of {ours} is {:?}, not {api_version:?}", ours.api_version());
            Recognised::OtherVersion(ours, FieldError::new("apiVersion", message))
        }
        None if kind.is_empty() => unknown("kind", "an object needs a kind"),
        None if api_version.is_empty() => unknown("apiVersion", "an object needs an apiVersion"),
        None if group == names::GROUP => unknown("kind", &format!("{kind:?} is not a kind of {group}")),
        None => Recognised::NotOurs,
    }
}
