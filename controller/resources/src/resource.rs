//! What was read, and how an object is named.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1 as discovery;
use k8s_openapi::api::networking::v1 as networking;

use crate::endpoint_slice::EndpointSlice;
use crate::mesh::{self, MeshResource};
use crate::namespace::Namespace;
use crate::node::Node;
use crate::pod::Pod;
use crate::policy::{self, PolicyResource};
use crate::problem::FieldError;
use crate::service::Service;
use crate::service_account::ServiceAccount;
use crate::service_cidr::ServiceCidr;

/// An object of a kind that the mesh reads, validated.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "each variant is the kind of its name")]
pub enum Resource {
    Namespace(Namespace),
    ServiceAccount(ServiceAccount),
    Pod(Pod),
    Service(Service),
    EndpointSlice(EndpointSlice),
    AuthorizationPolicy(PolicyResource),
    Mesh(MeshResource),
    Node(Node),
    ServiceCidr(ServiceCidr),
}

/// The kinds that the mesh reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each variant is the kind of its name")]
pub enum Kind {
    Namespace,
    ServiceAccount,
    Pod,
    Service,
    EndpointSlice,
    AuthorizationPolicy,
    Mesh,
    Node,
    ServiceCidr,
}

/// Names one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its kind.
    pub kind: Kind,
    /// Empty for kinds that belong to no namespace.
    pub namespace: String,
    /// Its name in the namespace.
    pub name: String,
}

/// Labels of an object, or those that it selects by.
pub type Labels = BTreeMap<String, String>;

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Namespace,
        Self::ServiceAccount,
        Self::Pod,
        Self::Service,
        Self::EndpointSlice,
        Self::AuthorizationPolicy,
        Self::Mesh,
        Self::Node,
        Self::ServiceCidr,
    ];

    /// As manifests write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::ServiceAccount => "ServiceAccount",
            Self::Pod => "Pod",
            Self::Service => "Service",
            Self::EndpointSlice => "EndpointSlice",
            Self::AuthorizationPolicy => "AuthorizationPolicy",
            Self::Mesh => "Mesh",
            Self::Node => "Node",
            Self::ServiceCidr => "ServiceCIDR",
        }
    }

    /// The API group and version in which it is read.
    #[must_use]
    pub fn api_version(self) -> &'static str {
        match self {
            Self::Namespace | Self::ServiceAccount | Self::Pod | Self::Service | Self::Node => "v1",
            Self::EndpointSlice => "discovery.k8s.io/v1",
            Self::ServiceCidr => "networking.k8s.io/v1",
            Self::AuthorizationPolicy | Self::Mesh => karez_api::names::API_VERSION,
        }
    }

    /// Whether an object of it that never could be read refuses something: it may have been the one that closes what is open
    /// without it.
    #[must_use]
    pub fn refuses_unread(self) -> bool {
        match self {
            Self::Namespace | Self::AuthorizationPolicy | Self::Mesh => true,
            Self::ServiceAccount
            | Self::Pod
            | Self::Service
            | Self::EndpointSlice
            | Self::Node
            | Self::ServiceCidr => false,
        }
    }

    /// Whether its objects belong to a namespace.
    #[must_use]
    pub fn is_namespaced(self) -> bool {
        !matches!(self, Self::Namespace | Self::Mesh | Self::Node | Self::ServiceCidr)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Key {
    /// A key; `namespace` is empty for kinds that belong to none.
    #[must_use]
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self { kind, namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "{} {}", self.kind, self.name),
            namespace => write!(f, "{} {namespace}/{}", self.kind, self.name),
        }
    }
}

/// Validates an object as the API has it. The error names the field.
macro_rules! from_objects {
    ($($kind:ident: $object:ty),+ $(,)?) => {$(
        impl TryFrom<$object> for Resource {
            type Error = FieldError;

            fn try_from(object: $object) -> Result<Self, FieldError> {
                object.try_into().map(Self::$kind)
            }
        }
    )+};
}

from_objects! {
    Namespace: core::Namespace,
    ServiceAccount: core::ServiceAccount,
    Pod: core::Pod,
    Service: core::Service,
    EndpointSlice: discovery::EndpointSlice,
    AuthorizationPolicy: policy::AuthorizationPolicy,
    Mesh: mesh::Mesh,
    Node: core::Node,
    ServiceCidr: networking::ServiceCIDR,
}

impl Resource {
    /// What kind of object this is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Namespace(_) => Kind::Namespace,
            Self::ServiceAccount(_) => Kind::ServiceAccount,
            Self::Pod(_) => Kind::Pod,
            Self::Service(_) => Kind::Service,
            Self::EndpointSlice(_) => Kind::EndpointSlice,
            Self::AuthorizationPolicy(_) => Kind::AuthorizationPolicy,
            Self::Mesh(_) => Kind::Mesh,
            Self::Node(_) => Kind::Node,
            Self::ServiceCidr(_) => Kind::ServiceCidr,
        }
    }

    /// Its name.
    #[must_use]
    pub fn key(&self) -> Key {
        let (namespace, name) = match self {
            Self::Namespace(it) => ("", &it.name),
            Self::ServiceAccount(it) => (it.namespace.as_str(), &it.name),
            Self::Pod(it) => (it.namespace.as_str(), &it.name),
            Self::Service(it) => (it.namespace.as_str(), &it.name),
            Self::EndpointSlice(it) => (it.namespace.as_str(), &it.name),
            Self::AuthorizationPolicy(it) => (it.namespace.as_str(), &it.name),
            Self::Mesh(it) => ("", &it.name),
            Self::Node(it) => ("", &it.name),
            Self::ServiceCidr(it) => ("", &it.name),
        };
        Key::new(self.kind(), namespace, name)
    }
}
