//! Serves HTTP on a separate thread, so that requests take no time from the program's work.

use std::future::Future;
use std::io;
use std::net::TcpListener as StdListener;

use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::{Routes, serve};
use crate::drain::Drain;

/// Serves all ports on one thread until the drain is over. The future is ready when the thread has ended; dropping it
/// ends the thread.
///
/// # Errors
/// When the system cannot start a thread or runtime.
pub fn serve_apart(
    ports: Vec<(TcpListener, Routes)>,
    drain: &Drain,
) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let ports = ports.into_iter().map(|(listener, routes)| Ok((listener.into_std()?, routes)));
    let ports = ports.collect::<io::Result<Vec<_>>>()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (stop, drain) = drain.level();
    let (ended, has_ended) = oneshot::channel::<()>();
    std::thread::Builder::new().name("http".to_owned()).spawn(move || {
        runtime.block_on(serve_all(ports, drain));
        drop(ended);
    })?;
    Ok(async move {
        // The thread sends nothing, and drops the sender when it ends.
        let _ = has_ended.await;
        drop(stop);
    })
}

async fn serve_all(ports: Vec<(StdListener, Routes)>, drain: Drain) {
    let mut serving = JoinSet::new();
    for (listener, routes) in ports {
        match TcpListener::from_std(listener) {
            Ok(listener) => drop(serving.spawn(serve(listener, routes, drain.clone()))),
            Err(error) => tracing::error!(%error, "a port for metrics, readiness or dumps cannot be polled"),
        }
    }
    while serving.join_next().await.is_some() {}
}
