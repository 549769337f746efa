//! The certificate authority of the mesh.
//!
//! * [`root`] – a root: its key and its certificate
//! * [`request`] – what is taken from a certificate request: its key
//! * [`leaf`] – the certificates that a root signs
//! * [`rotation`] – pure: which root signs, which ones are trusted, and when that changes
//! * [`votes`] – pure: what replicas tell each other of the nodes that hang on them
//! * [`store`] – where all of it is kept: on disk, or in a Secret
//! * [`roots_publisher`] – keeps the ConfigMap with the roots
//! * [`authority`] – the one writer of that state, and what others ask of it
//! * [`rate`] – pure: how many certificates a node may ask for
//! * [`service`] – the gRPC service by which node proxies have certificates signed
//! * [`timestamp`] – seconds since the epoch

mod authority;
mod leaf;
mod rate;
mod request;
mod root;
mod roots_publisher;
mod rotation;
mod service;
mod store;
mod timestamp;
mod votes;

pub(crate) use authority::waits;
pub use authority::{
    Authority, AuthoritySettings, AuthorityTask, ForceError, RotateError, SignError, Witnesses,
};
pub use leaf::{IssueError, Leaf, Names};
pub use request::{BadRequest, RequestedKey};
pub use root::{Root, RootCertificate, RootError};
pub use roots_publisher::RootsPublisher;
pub use rotation::{Node, NotUnderWay, Phase, Roots, Standing, UnderWay, Wait};
pub use service::CertificateService;
pub use store::{FolderStore, SecretStore, State, StateError, Store, bundle};
pub use timestamp::Timestamp;
pub use votes::{Vote, Votes};
