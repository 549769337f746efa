//! Carries a connection's bytes, from when both ends are connected until it has ended.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use karez_api::outcome::{Closing, Failure, Limit, Outcome, Refusal, Side};
use karez_hbone::live::{Dialled, Ending, Registration};
use karez_tunnel::Stream;
use karez_tunnel::buffers::BufferPool;
use karez_tunnel::copy::{self, CopyError, Counters, End};
use karez_tunnel::deadline_future::DeadlineFuture;
use karez_tunnel::window::Account;
use tokio::net::TcpStream;
use tokio_util::either::Either;

use crate::pod::{ConnectionSlot, Pod};

/// How long a half-closed connection may stay silent: longer than anyone waits for an answer.
const HALF_CLOSE_TIMEOUT: Duration = Duration::from_secs(3600);

/// The end that is not the Pod's own application.
#[derive(Debug)]
pub(crate) enum Far {
    /// A stream in a tunnel.
    Stream(Stream),
    /// A TCP connection.
    Direct(Direct),
}

/// A TCP connection to the other end.
#[derive(Debug)]
pub(crate) struct Direct {
    /// Its socket.
    pub(crate) socket: TcpStream,
    /// The account of bytes that either end leaves unread.
    pub(crate) account: Arc<Account>,
    /// The slot of its descriptor.
    pub(crate) slot: ConnectionSlot,
}

/// A connection with both its ends.
#[derive(Debug)]
pub(crate) struct Ends {
    /// The application's socket.
    pub(crate) near: TcpStream,
    /// The other end.
    pub(crate) far: Far,
    /// Its entry in the worker's register.
    pub(crate) registration: Registration<Pod>,
    /// When the mesh ends it.
    pub(crate) ending: Ending,
}

/// Carries a connection on a separate task. The future that joined its ends is large, and ends with its own task.
pub(crate) fn spawn(ends: Ends, buffers: BufferPool, slot: ConnectionSlot) {
    tokio::task::spawn_local(carry(ends, buffers, slot));
}

/// Carries a connection until it ends or the mesh ends it. Not an async function, which would hold its arguments twice
/// for every idle connection.
pub(crate) fn carry(ends: Ends, buffers: BufferPool, slot: ConnectionSlot) -> impl Future<Output = ()> {
    let Ends { near, far, registration, mut ending } = ends;
    async move {
        let record = &registration.record;
        record.established();
        let copied = pin!(copy(&near, far, &record.counters, &buffers));
        let ending = pin!(ending.reached());
        let outcome = tokio::select! {
            // First: a copy without pause leaves nothing of the task's budget.
            biased;
            refusal = DeadlineFuture::new(ending) => refusal.into(),
            copied = copied => outcome(&copied, record.dialled()),
        };
        record.finish(outcome);
        drop(slot);
    }
}

type Relayed<'a> = Pin<Box<dyn Future<Output = Result<(), CopyError>> + 'a>>;

/// Streams are the rule. The rare case is boxed, so that it costs the others nothing.
fn copy<'a>(
    near: &'a TcpStream,
    far: Far,
    counters: &'a Counters,
    buffers: &'a BufferPool,
) -> Either<impl Future<Output = Result<(), CopyError>> + 'a, Relayed<'a>> {
    match far {
        Far::Stream(stream) => {
            Either::Left(copy::between(near, stream, counters, HALF_CLOSE_TIMEOUT, buffers))
        }
        Far::Direct(Direct { socket, account, slot }) => Either::Right(Box::pin(async move {
            let copied = copy::sockets(near, &socket, counters, HALF_CLOSE_TIMEOUT, buffers, &account).await;
            drop(slot);
            copied
        })),
    }
}

fn outcome(copied: &Result<(), CopyError>, dialled: Dialled) -> Outcome {
    match copied {
        Ok(()) => Outcome::Done,
        Err(CopyError::Broken { end, .. }) => Failure::Reset(side(*end, dialled)).into(),
        // A tunnel ends under its streams when the Pod at either end is gone.
        Err(CopyError::Aborted) => Refusal::Closing(Closing::PodRemoved).into(),
        Err(CopyError::UnreadBytes) => Refusal::LimitReached { limit: Limit::UnreadBytes }.into(),
        Err(CopyError::HalfCloseTimeout) => Failure::HalfCloseTimeout.into(),
    }
}

fn side(end: End, dialled: Dialled) -> Side {
    match (end, dialled) {
        (End::Near, Dialled::ByNear) | (End::Far, Dialled::ByFar) => Side::Client,
        (End::Near, Dialled::ByFar) | (End::Far, Dialled::ByNear) => Side::Server,
    }
}
