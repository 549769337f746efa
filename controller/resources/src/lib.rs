//! Kubernetes objects as users write them, and their validation.
//!
//! Objects come as the types that the API declares, and text is read as a way to these. What comes out has types that say
//! what is known of it, and holds only what the mesh reads. Nothing here does I/O.
//!
//! * [`manifest`] – a file of YAML or JSON documents: one broken document hurts only itself
//! * [`resource`] – [`Resource`], [`Kind`] and [`Key`]: what was read, and how an object is named
//! * [`problem`] – what is wrong with an object, with its line and field
//! * [`namespace`], [`pod`], [`service`], [`endpoint_slice`], [`service_account`], [`node`], [`service_cidr`] – the
//!   Kubernetes kinds
//! * [`unsupported`] – what these say and the mesh does not do
//! * [`object`] – from JSON to an object's own type
//! * [`ip_block`] – an address or a prefix
//! * [`policy`], [`mesh`] – Karez's own kinds, `AuthorizationPolicy` and `Mesh` of `karez.dev/v1alpha1`
//! * [`status`] – what the controller writes into these
//!
//! [`Resource`]: resource::Resource
//! [`Kind`]: resource::Kind
//! [`Key`]: resource::Key

pub mod endpoint_slice;
pub mod ip_block;
pub mod manifest;
pub mod mesh;
pub mod namespace;
pub mod node;
pub mod object;
pub mod pod;
pub mod policy;
pub mod problem;
pub mod resource;
pub mod service;
pub mod service_account;
pub mod service_cidr;
pub mod status;
pub mod unsupported;

mod crd_schema;
mod document;
mod fields;
mod given;
mod manifest_defaults;
mod metadata;
mod recognition;
mod syntax;

pub use manifest::Reading;
pub use problem::{FieldError, Problem};
pub use resource::{Key, Kind, Resource};
