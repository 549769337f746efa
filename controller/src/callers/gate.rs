//! In front of every service: a call without a known token, or one too many with its token, is refused by its headers alone.
//!
//! A service would be too late: a message is read whole, and takes memory, before the service is asked. What a refused caller
//! sends after its headers is dropped as it comes.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use karez_process::log_limit::LogLimiter;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::warn;

use super::calls::{self, Calls};
use super::{Authenticator, Bearer};
use crate::connect_info::ConnectInfo;
use crate::metrics::Metrics;
use crate::tokens::{Presented, bearer_token};

/// Between two lines in the log about calls that were refused.
const COMPLAIN_EVERY: Duration = Duration::from_secs(1);

/// Puts a [`Gate`] in front of services. Gates of one layer count and complain together.
#[derive(Debug, Clone)]
pub struct GateLayer {
    doorkeeper: Doorkeeper,
}

/// Lets calls with a known token through, and so many with each at a time.
#[derive(Debug, Clone)]
pub struct Gate<S> {
    doorkeeper: Doorkeeper,
    service: S,
}

#[derive(Debug, Clone)]
struct Doorkeeper {
    authenticator: Authenticator,
    metrics: Metrics,
    /// About strangers, and about callers that are known: the ones cannot hide the others.
    complaints: Arc<[LogLimiter; 2]>,
    calls: Calls,
}

impl GateLayer {
    /// Knows callers by `authenticator`.
    #[must_use]
    pub fn new(authenticator: Authenticator, metrics: Metrics) -> Self {
        let complaints =
            Arc::new([LogLimiter::one_each(COMPLAIN_EVERY), LogLimiter::one_each(COMPLAIN_EVERY)]);
        Self { doorkeeper: Doorkeeper { authenticator, metrics, complaints, calls: Calls::default() } }
    }
}

impl<S> Layer<S> for GateLayer {
    type Service = Gate<S>;

    fn layer(&self, service: S) -> Gate<S> {
        Gate { doorkeeper: self.doorkeeper.clone(), service }
    }
}

impl<S, B, R> Service<Request<B>> for Gate<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default + Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let doorkeeper = self.doorkeeper.clone();
        // The one that is ready, and not its clone.
        let next = self.service.clone();
        let mut service = std::mem::replace(&mut self.service, next);
        Box::pin(async move {
            match doorkeeper.admit(request.headers(), request.extensions().get::<ConnectInfo>()).await {
                Ok(bearer) => {
                    request.extensions_mut().insert(bearer);
                    service.call(request).await
                }
                Err(status) => Ok(status.into_http()),
            }
        })
    }
}

impl Doorkeeper {
    async fn admit(&self, headers: &HeaderMap, connection: Option<&ConnectInfo>) -> Result<Bearer, Status> {
        let bearer = self.identify(headers, address(connection)).await;
        match &bearer {
            Ok(_) => {
                connection.inspect(|connection| connection.set_authenticated());
            }
            Err(status) => self.refused(connection, status),
        }
        bearer
    }

    /// The bearer of the token in a call's headers. It is one more of its token's calls until its last clone is gone.
    async fn identify(&self, headers: &HeaderMap, address: IpAddr) -> Result<Bearer, Status> {
        let token = token(headers)?;
        let credential = self.authenticator.authenticate(token, address).await?;
        let caller = credential.caller()?;
        let call = self.calls.begin(Presented::of(token)).ok_or_else(|| {
            let most = calls::MOST;
            Status::resource_exhausted(format!(
                "{caller} has {most} calls open with this token already, and may have no more"
            ))
        })?;
        Ok(Bearer { credential, _call: Arc::new(call) })
    }

    fn refused(&self, connection: Option<&ConnectInfo>, status: &Status) {
        let [of_strangers, of_known] = &*self.complaints;
        let complaints = if status.code() == Code::ResourceExhausted {
            self.metrics.call_over_limit();
            // It has proven who it is: its connection may stay, for when its other calls have ended.
            connection.inspect(|connection| connection.set_authenticated());
            of_known
        } else {
            self.metrics.call_unauthenticated();
            if status.code() == Code::Unauthenticated {
                connection.inspect(|connection| connection.set_refused());
            }
            of_strangers
        };
        if let Some(left_out) = complaints.allow() {
            let peer = connection.and_then(ConnectInfo::address);
            warn!(?peer, reason = status.message(), left_out, "a call is refused");
        }
    }
}

/// Those whose address the system does not tell share one.
fn address(connection: Option<&ConnectInfo>) -> IpAddr {
    let address = connection.and_then(ConnectInfo::address);
    address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip().to_canonical())
}

fn token(headers: &HeaderMap) -> Result<&str, Status> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(header) = header else {
        return Err(Status::unauthenticated("no token: metadata authorization is missing"));
    };
    bearer_token(header)
        .ok_or_else(|| Status::unauthenticated("metadata authorization is not of the form Bearer TOKEN"))
}
