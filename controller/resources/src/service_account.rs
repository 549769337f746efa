//! `ServiceAccount`: whose name an identity carries.

use k8s_openapi::api::core::v1 as k8s;

use crate::metadata::Metadata;
use crate::problem::FieldError;
use crate::resource::Kind;

/// A service account; only its name matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl TryFrom<k8s::ServiceAccount> for ServiceAccount {
    type Error = FieldError;

    fn try_from(object: k8s::ServiceAccount) -> Result<Self, FieldError> {
        let meta = Metadata::read(Kind::ServiceAccount, object.metadata)?;
        Ok(Self { namespace: meta.namespace, name: meta.name })
    }
}
