//! In front of every service: a call without a known token, or one too many with its token, is refused by its headers alone.
//!
//! A service would be too late: a message is read whole, and takes memory, before the service is asked. What a refused caller
//! sends after its headers is dropped as it comes.

use std::sync::Arc;
use std::time::Duration;

use karez_process::log_limit::LogLimiter;
use tokio::sync::watch;
use tonic::service::Interceptor;
use tonic::{Code, Request, Status};
use tracing::warn;

use super::{Bearer, Calls};
use crate::connect_info::ConnectInfo;
use crate::metrics::Metrics;
use crate::tokens::Tokens;

/// Between two lines in the log about calls that were refused.
const COMPLAIN_EVERY: Duration = Duration::from_secs(1);

/// Lets calls with a known token through, and so many with each at a time. Clones count and complain together.
#[derive(Debug, Clone)]
pub struct Gate {
    tokens: watch::Receiver<Arc<Tokens>>,
    metrics: Metrics,
    /// About strangers, and about callers that are known: the ones cannot hide the others.
    complaints: Arc<[LogLimiter; 2]>,
    calls: Calls,
}

impl Gate {
    /// Knows callers by these tokens.
    #[must_use]
    pub fn new(tokens: watch::Receiver<Arc<Tokens>>, metrics: Metrics) -> Self {
        let complaints =
            Arc::new([LogLimiter::one_each(COMPLAIN_EVERY), LogLimiter::one_each(COMPLAIN_EVERY)]);
        Self { tokens, metrics, complaints, calls: Calls::default() }
    }

    fn refused(&self, connection: Option<&ConnectInfo>, status: &Status) {
        let [of_strangers, of_known] = &*self.complaints;
        let complaints = if status.code() == Code::Unauthenticated {
            self.metrics.call_unauthenticated();
            of_strangers
        } else {
            self.metrics.call_over_limit();
            // It has proven who it is: its connection may stay, for when its other calls have ended.
            connection.inspect(|connection| connection.set_authenticated());
            of_known
        };
        if let Some(left_out) = complaints.allow() {
            let peer = connection.and_then(ConnectInfo::address);
            warn!(?peer, reason = status.message(), left_out, "a call is refused");
        }
    }
}

impl Interceptor for Gate {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let bearer = Bearer::identify(request.metadata(), self.tokens.clone(), &self.calls);
        let connection = request.extensions().get::<ConnectInfo>();
        match bearer {
            Ok(bearer) => {
                connection.inspect(|connection| connection.set_authenticated());
                request.extensions_mut().insert(bearer);
                Ok(request)
            }
            Err(status) => {
                self.refused(connection, &status);
                Err(status)
            }
        }
    }
}
