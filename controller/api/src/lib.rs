//! What the controller serves and the proxies understand: one vocabulary for both sides of the wire.
//!
//! * [`identity`] – SPIFFE ids of the form that the mesh gives to its workloads
//! * [`names`] – ports, marks, labels, annotations, type URLs: every name that two crates must agree on
//! * [`permissive_ports`] – which ports of a strict Pod admit peers without an identity
//! * [`syntax`] – the forms that names have, one validator for each
//! * [`printable`] – text of users and peers, made fit for a log or a table
//! * [`outcome`] – how a connection ended, in one closed enum from the data plane to `karez explain`
//! * [`workload`], [`security`], [`discovery`], [`certificates`] – Istio's wire types
//! * [`settings`], [`node`], [`operator`] – Karez's own
//!
//! gRPC stubs come with the features `client` and `server`.

pub mod identity;
pub mod names;
pub mod outcome;
pub mod permissive_ports;
pub mod printable;
pub mod syntax;

macro_rules! generated {
    ($(#[$doc:meta])* $name:ident, $package:literal) => {
        $(#[$doc])*
        #[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, clippy::pedantic)]
        #[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::large_futures)]
        pub mod $name {
            include!(concat!(env!("OUT_DIR"), "/", $package, ".rs"));
        }
    };
}

generated!(
    /// Workloads and services: `proto/workload.proto`.
    workload, "istio.workload"
);
generated!(
    /// L4 authorization policies: `proto/authorization.proto`.
    security, "istio.security"
);
generated!(
    /// Delta discovery: `proto/discovery.proto`.
    discovery, "envoy.service.discovery.v3"
);
generated!(
    /// Certificate signing: `proto/certificates.proto`.
    certificates, "istio.v1.auth"
);
generated!(
    /// Mesh and namespace settings, trust bundle: `proto/settings.proto`.
    settings, "karez.settings.v1"
);
generated!(
    /// What an agent is told of its node's Pods: `proto/node.proto`.
    node, "karez.node.v1"
);
generated!(
    /// Node reports and the operator's calls: `proto/operator.proto`.
    operator, "karez.operator.v1"
);
