//! In front of every service: a call without a known token is refused by its headers alone.
//!
//! A service would be too late: a message is read whole, and takes memory, before the service is asked. What a stranger sends
//! after its headers is dropped as it comes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tonic::service::Interceptor;
use tonic::{Request, Status};
use tracing::warn;

use super::Bearer;
use crate::listener::Peer;
use crate::log_limit::LogLimit;
use crate::metrics::Metrics;
use crate::tokens::Tokens;

/// Between two lines in the log about strangers.
const COMPLAIN_EVERY: Duration = Duration::from_secs(1);

/// Lets calls with a known token through. Clones count and complain together.
#[derive(Debug, Clone)]
pub struct Gate {
    tokens: watch::Receiver<Arc<Tokens>>,
    metrics: Metrics,
    complaints: Arc<LogLimit>,
}

impl Gate {
    /// Knows callers by these tokens.
    #[must_use]
    pub fn new(tokens: watch::Receiver<Arc<Tokens>>, metrics: Metrics) -> Self {
        Self { tokens, metrics, complaints: Arc::new(LogLimit::new(COMPLAIN_EVERY)) }
    }

    fn refused(&self, peer: Option<&Peer>, status: &Status) {
        self.metrics.call_unauthenticated();
        if self.complaints.allows() {
            let peer = peer.and_then(Peer::address);
            warn!(
                ?peer,
                reason = status.message(),
                "a call is refused: it bears no token that is known here"
            );
        }
    }
}

impl Interceptor for Gate {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let bearer = Bearer::identify(request.metadata(), self.tokens.clone());
        let peer = request.extensions().get::<Peer>();
        match bearer {
            Ok(bearer) => {
                peer.inspect(|peer| peer.has_authenticated());
                request.extensions_mut().insert(bearer);
                Ok(request)
            }
            Err(status) => {
                self.refused(peer, &status);
                Err(status)
            }
        }
    }
}
