//! Which kind an object is of, by what it says of itself; or why that cannot be told.
//!
//! What is passed over goes without a word, and with it goes what it was before a wrong edit. So an object is passed over only
//! if its group is one of which we read nothing: the groups that we read are known whole, and what they do not have is wrong.

use karez_api::names;

use crate::problem::FieldError;
use crate::resource::Kind;

/// API groups of other meshes, whose objects say what is to be closed. Here they close nothing.
const FOREIGN_GROUPS: [&str; 2] = ["security.istio.io", "policy.linkerd.io"];

/// The kinds of Kubernetes' core group, `v1`, that we do not read.
const OTHER_CORE_KINDS: [&str; 12] = [
    "Binding",
    "ComponentStatus",
    "ConfigMap",
    "Endpoints",
    "Event",
    "LimitRange",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "PodTemplate",
    "ReplicationController",
    "ResourceQuota",
    "Secret",
];

/// What an object says that it is.
pub(crate) enum Recognised {
    Ours(Kind),
    /// Of a kind that the mesh does not read.
    NotOurs,
    /// Another mesh's.
    Foreign(FieldError),
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
    let group = group_of(api_version);
    // Whatever an object of this group was meant to be, the group's kinds close things: it is taken for a policy.
    let guess = (group == names::GROUP).then_some(Kind::AuthorizationPolicy);
    let unknown = |problem| Recognised::Unknown { guess, problem };
    match Kind::ALL.into_iter().find(|ours| ours.as_str() == kind) {
        Some(ours) if ours.api_version() == api_version => Recognised::Ours(ours),
        None if kind.is_empty() => unknown(FieldError::new("kind", "an object needs a kind")),
        _ if FOREIGN_GROUPS.contains(&group) => Recognised::Foreign(foreign(group)),
        Some(ours) => Recognised::OtherVersion(ours, other_version(ours, api_version)),
        None if api_version.is_empty() => {
            unknown(FieldError::new("apiVersion", "an object needs an apiVersion"))
        }
        None if has_kind(group, kind) => Recognised::NotOurs,
        None => unknown(no_kind(api_version, kind)),
    }
}

/// The core group has no name.
fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// Whether a group has a kind that is none of ours, as far as we know.
fn has_kind(group: &str, kind: &str) -> bool {
    // Of the group of ServiceCIDR we know no other kind.
    let mut known = Kind::ALL.iter().filter(|ours| **ours != Kind::ServiceCidr);
    let is_read = known.any(|ours| group_of(ours.api_version()) == group);
    !is_read || (group.is_empty() && OTHER_CORE_KINDS.contains(&kind))
}

fn foreign(group: &str) -> FieldError {
    let ours = names::API_VERSION;
    let message =
        format!("what {group} says has no effect in this mesh: say it in {ours}, or remove this object");
    FieldError::new("apiVersion", message)
}

fn other_version(kind: Kind, written: &str) -> FieldError {
    let message = format!("the apiVersion of {kind} is {:?}, not {written:?}", kind.api_version());
    FieldError::new("apiVersion", message)
}

fn no_kind(api_version: &str, kind: &str) -> FieldError {
    // A list that has items was taken apart before.
    match kind.ends_with("List") {
        true => FieldError::new("items", "a list needs items: [] if there are none"),
        false => FieldError::new("kind", format!("{kind:?} is not a kind of {api_version}")),
    }
}
