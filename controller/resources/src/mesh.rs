//! `Mesh` of `karez.dev/v1alpha1`: what is mesh-wide. One object, named `default`.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::crd_schema::keep_mistakes;
use crate::given;
use crate::ip_block::IpBlock;
use crate::metadata::Metadata;
use crate::problem::FieldError;
use crate::resource::Kind;
use crate::syntax;

/// Settings of the whole mesh.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "karez.dev",
    version = "v1alpha1",
    kind = "Mesh",
    plural = "meshes",
    doc = "Settings of the whole mesh. There is one, named default.",
    category = "karez",
    status = "crate::status::Status",
    validation = ("self.metadata.name == 'default'", "the one Mesh is named default"),
    printcolumn(name = "mTLS", type_ = "string", json_path = ".spec.mtls"),
    printcolumn(name = "Trust domain", type_ = "string", json_path = ".spec.trustDomain"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Accepted")].status"#
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = keep_mistakes)]
pub struct MeshSpec {
    /// The trust domain of every identity; `cluster.local` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given::value")]
    #[schemars(with = "String", length(max = 253), regex(pattern = SUBDOMAIN))]
    pub trust_domain: Option<String>,
    /// The DNS domain of Services; `cluster.local` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given::value")]
    #[schemars(with = "String", length(max = 253), regex(pattern = SUBDOMAIN))]
    pub cluster_domain: Option<String>,
    /// What namespaces do that choose nothing themselves.
    #[serde(default)]
    pub mtls: MtlsMode,
    /// How two enrolled Pods of one node are joined.
    #[serde(default)]
    pub same_node: SameNode,
    /// Prefixes of the mesh's own Pods and Services, such as `10.244.0.0/16`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub address_ranges: Vec<IpBlock>,
}

/// Whether plaintext is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MtlsMode {
    /// Peers without an identity are accepted, unless a policy says otherwise.
    #[default]
    Permissive,
    /// Peers without an identity are refused.
    Strict,
}

/// How two enrolled Pods of one node are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SameNode {
    /// By an mTLS tunnel, as between nodes.
    #[default]
    Tunnel,
    /// By the node proxy itself, without TLS.
    Direct,
}

/// RFC 1123, for the API server; [`syntax::subdomain`] decides.
const SUBDOMAIN: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// The name of the one `Mesh` object.
pub const MESH_NAME: &str = "default";

/// A `Mesh` object, validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeshResource {
    /// [`MESH_NAME`].
    pub name: String,
    /// What it says.
    pub spec: MeshSpec,
}

impl MeshSpec {
    /// The trust domain or its default.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        self.trust_domain.as_deref().unwrap_or("cluster.local")
    }

    /// The cluster's domain or its default.
    #[must_use]
    pub fn cluster_domain(&self) -> &str {
        self.cluster_domain.as_deref().unwrap_or("cluster.local")
    }
}

impl TryFrom<Mesh> for MeshResource {
    type Error = FieldError;

    fn try_from(object: Mesh) -> Result<Self, FieldError> {
        let Mesh { metadata, spec, .. } = object;
        let name = Metadata::read(Kind::Mesh, metadata)?.name;
        if name != MESH_NAME {
            return Err(FieldError::new("metadata.name", format!("the one Mesh is named {MESH_NAME:?}")));
        }
        // SPIFFE-ID §2.1 and RFC 1123: a DNS name is good for both.
        for (field, domain) in
            [("spec.trustDomain", spec.trust_domain()), ("spec.clusterDomain", spec.cluster_domain())]
        {
            syntax::subdomain(domain).map_err(|message| FieldError::new(field, message))?;
        }
        Ok(Self { name, spec })
    }
}
