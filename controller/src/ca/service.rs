//! The gRPC service by which node proxies have certificates signed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use karez_api::certificates::istio_certificate_service_server::IstioCertificateService;
use karez_api::certificates::{IstioCertificateRequest, IstioCertificateResponse};
use karez_api::identity::Identity;
use karez_api::names::metadata::IMPERSONATED_IDENTITY;
use prost_types::value::Kind;
use tokio::sync::watch;
use tonic::{Code, Request, Response, Status};
use tracing::{info, warn};

use super::authority::SignError;
use super::rate::Rate;
use super::{Authority, RequestedKey};
use crate::callers::{Bearer, Caller, rights};
use crate::metrics::{CertificateRefusal, Metrics};
use crate::publication::Published;

/// Certificates that a node may ask for at once: all the identities of a full node after a restart.
const BURST: u32 = 500;
/// And one more every so often.
const INTERVAL: Duration = Duration::from_millis(20);

/// Signs certificates for the identities of a node's live Pods that are to be in the mesh.
#[derive(Debug, Clone)]
pub struct CertificateService {
    published: watch::Receiver<Arc<Published>>,
    authority: Authority,
    metrics: Metrics,
    rate: Arc<Mutex<Rate>>,
}

/// A refusal, for the caller and for the metrics.
struct Refused(CertificateRefusal, Status);

impl CertificateService {
    /// Knows nodes' Pods by what was `published`.
    #[must_use]
    pub fn new(published: watch::Receiver<Arc<Published>>, authority: Authority, metrics: Metrics) -> Self {
        let rate = Arc::new(Mutex::new(Rate::new(BURST, INTERVAL)));
        Self { published, authority, metrics, rate }
    }

    async fn create(
        &self,
        request: Request<IstioCertificateRequest>,
    ) -> Result<IstioCertificateResponse, Refused> {
        let caller = Bearer::of(request.extensions()).and_then(Bearer::node_proxy);
        // Whole, until the end: the call counts for as long as it is held.
        let caller = caller.map_err(|status| Refused(CertificateRefusal::Caller, status))?;
        let node = &caller.node;
        self.admit(node)?;
        let request = request.into_inner();
        let identity = asked_identity(&request)?;
        self.check_identity(&caller.caller, &identity)?;
        let key = RequestedKey::from_pem(&request.csr).map_err(|error| {
            Refused(CertificateRefusal::Request, Status::invalid_argument(error.to_string()))
        })?;
        let lifetime = asked_lifetime(request.validity_duration);
        let (leaf, state) = self.authority.sign(node, &key, &identity, lifetime).await.map_err(failed)?;
        info!(node, %identity, not_after = %leaf.not_after, "certificate signed");
        // The leaf's issuer is a root: there is no intermediate between the first entry and the last.
        let roots: String = state.roots.all().map(|(_, root)| root.pem()).collect();
        Ok(IstioCertificateResponse { cert_chain: vec![leaf.pem, roots] })
    }

    fn admit(&self, node: &str) -> Result<(), Refused> {
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        rate.take(node, Instant::now()).map_err(|wait| {
            let message = format!("node {node} asks for too many certificates: try again in {wait:?}");
            Refused(CertificateRefusal::Rate, Status::new(Code::ResourceExhausted, message))
        })
    }

    fn check_identity(&self, caller: &Caller, identity: &Identity) -> Result<(), Refused> {
        let pods = self.published.borrow().pods.clone();
        let Some(pods) = pods else {
            let status = Status::unavailable("the controller has not seen every Pod yet");
            return Err(Refused(CertificateRefusal::Failed, status));
        };
        rights::may_sign(caller, identity, |identity, node| pods.entitlement(identity, node)).map_err(
            |refusal| Refused(CertificateRefusal::Identity, Status::permission_denied(refusal.to_string())),
        )
    }
}

#[tonic::async_trait]
impl IstioCertificateService for CertificateService {
    async fn create_certificate(
        &self,
        request: Request<IstioCertificateRequest>,
    ) -> Result<Response<IstioCertificateResponse>, Status> {
        match self.create(request).await {
            Ok(response) => {
                self.metrics.certificate_signed();
                Ok(Response::new(response))
            }
            Err(Refused(reason, status)) => {
                self.metrics.certificate_refused(reason);
                warn!(reason = status.message(), "certificate not signed");
                Err(status)
            }
        }
    }
}

fn asked_identity(request: &IstioCertificateRequest) -> Result<Identity, Refused> {
    let refused = |message| Refused(CertificateRefusal::Request, Status::invalid_argument(message));
    let field = request.metadata.as_ref().and_then(|metadata| metadata.fields.get(IMPERSONATED_IDENTITY));
    let Some(Kind::StringValue(text)) = field.and_then(|value| value.kind.as_ref()) else {
        return Err(refused(format!("metadata {IMPERSONATED_IDENTITY} does not name an identity")));
    };
    text.parse().map_err(|error| refused(format!("metadata {IMPERSONATED_IDENTITY}: {error}")))
}

/// A request that names no lifetime, or none that can be, gets the longest.
fn asked_lifetime(seconds: i64) -> Duration {
    match u64::try_from(seconds) {
        Ok(seconds) if seconds > 0 => Duration::from_secs(seconds),
        _ => Duration::MAX,
    }
}

fn failed(error: SignError) -> Refused {
    let status = match error {
        SignError::Issue(_) => Status::internal(error.to_string()),
        // What the disk says is for the log of this controller, not for the caller.
        SignError::State(error) => {
            tracing::error!(%error, "cannot save the state of the certificate authority: no certificate is signed");
            Status::unavailable("the certificate authority cannot save its state")
        }
        SignError::Stopping => Status::unavailable(error.to_string()),
    };
    Refused(CertificateRefusal::Failed, status)
}
