//! HBONE peers by hand, where the real ones are too honest: any certificate, any request.
//!
//! * [`pki`] – certificates as the mesh's CA signs them, and as it never would
//! * [`tls`] – either end of TLS with them
//! * [`client`] – a client that asks for whatever it likes
//! * [`stand_in`] – a server in a Pod's place

pub mod client;
pub mod pki;
pub mod stand_in;
pub mod tls;

use std::future::Future;

use anyhow::{Context as _, Result};
use tokio::runtime::Runtime;

use crate::sockets::PATIENCE;

/// Drives a peer's connections in the background, on a thread of its own.
fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

/// Waits for something, but not for ever.
async fn soon<T, E>(what: &str, work: impl Future<Output = std::result::Result<T, E>>) -> Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let done = tokio::time::timeout(PATIENCE, work).await;
    done.with_context(|| format!("{what}: nothing came"))?.with_context(|| what.to_owned())
}
