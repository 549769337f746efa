//! Serves an accepted tunnel's requests until it must end.

use std::net::SocketAddr;
use std::pin::pin;

use http::StatusCode;
use karez_api::outcome::{BadRequest, Outcome, Refusal};
use karez_tunnel::ConnectionError;
use karez_tunnel::deadline_future::DeadlineFuture;
use karez_tunnel::headers::Target;
use karez_tunnel::server::Request;

use crate::accept::Tunnel;

/// Passes each request to `answer` until the tunnel has ended. Sends GOAWAY once `leave` is ready; ends the tunnel with its
/// streams once `gone` is.
///
/// # Errors
/// When the tunnel broke.
pub async fn serve(
    mut tunnel: Tunnel,
    leave: impl Future<Output = ()>,
    gone: impl Future<Output = ()>,
    mut answer: impl FnMut(Request),
) -> Result<(), ConnectionError> {
    let (leave, gone) = (pin!(leave), pin!(gone));
    let (mut leave, mut gone) = (DeadlineFuture::new(leave), DeadlineFuture::new(gone));
    loop {
        let next = tokio::select! {
            // The endings first: a peer may send requests without end.
            biased;
            () = &mut gone => {
                tunnel.abort();
                // Tells the peer.
                tunnel.next().await.map(|_| None)
            }
            () = &mut leave => {
                tunnel.graceful_shutdown();
                continue;
            }
            next = tunnel.next() => next,
        };
        match next? {
            Some(request) => answer(request),
            None => return Ok(()),
        }
    }
}

/// The address that a request asks for.
///
/// # Errors
/// When it is no CONNECT, or names no address.
pub fn target(request: &Request) -> Result<SocketAddr, Refusal> {
    if !request.is_connect() {
        return Err(Refusal::BadRequest(BadRequest::Method));
    }
    match request.authority().and_then(Target::parse) {
        Some(Target::Address(address)) => Ok(address),
        Some(Target::Name { .. }) | None => Err(Refusal::BadRequest(BadRequest::Authority)),
    }
}

/// Answers a request by why there is no connection for it.
pub fn refuse(request: Request, outcome: &Outcome) {
    let status = match outcome {
        Outcome::Refused(refusal) => refusal.status(),
        Outcome::Failed(_) | Outcome::Done => 503,
    };
    request.refuse(StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE));
}
