//! A client of the API server that has a text form.

use std::fmt;

use kube::Client;

/// A [`Client`] for types that derive `Debug`. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ClusterClient(pub(crate) Client);

impl fmt::Debug for ClusterClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterClient")
    }
}
