//! Bytes, from when both ends are there until the connection has ended.

use std::time::Duration;

use karez_api::outcome::{Failure, Limit, Outcome, Refusal, Side};
use karez_tunnel::Stream;
use karez_tunnel::buffers::BufferPool;
use karez_tunnel::copy::{self, CopyError, End};
use tokio::net::TcpStream;

use crate::connection::live::{Dialled, Ending, Ticket};

/// How long a connection may stay silent after one side has finished: longer than any answer takes that somebody waits for.
const HALF_CLOSE_TIMEOUT: Duration = Duration::from_secs(3600);

/// The end that is not the Pod's own application.
#[derive(Debug)]
pub(crate) enum Far {
    /// A stream in a tunnel.
    Stream(Stream),
    /// A TCP connection.
    Socket(TcpStream),
}

/// Carries a connection between the application's socket and `far` until it ends by itself or the mesh ends it.
pub(crate) async fn carry(
    near: TcpStream,
    far: Far,
    ticket: Ticket,
    mut ending: Ending,
    buffers: BufferPool,
) {
    let account = &ticket.account;
    account.established();
    let copied = async {
        match far {
            Far::Stream(stream) => {
                copy::between(&near, stream, &account.counters, HALF_CLOSE_TIMEOUT, &buffers).await
            }
            Far::Socket(socket) => {
                copy::sockets(&near, &socket, &account.counters, HALF_CLOSE_TIMEOUT, &buffers).await
            }
        }
    };
    let outcome = tokio::select! {
        copied = copied => outcome(&copied, account.dialled()),
        refusal = ending.reached() => refusal.into(),
    };
    account.finish(outcome);
}

fn outcome(copied: &Result<(), CopyError>, dialled: Dialled) -> Outcome {
    match copied {
        Ok(()) => Outcome::Done,
        Err(CopyError::Broken { end, .. }) => Failure::Reset(side(*end, dialled)).into(),
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
