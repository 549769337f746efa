//! The signer of certificates: the controller, or a test's.

use std::collections::BTreeMap;

use karez_api::certificates::IstioCertificateRequest;
use karez_api::certificates::istio_certificate_service_client::IstioCertificateServiceClient;
use karez_api::identity::Identity;
use karez_api::names::metadata::IMPERSONATED_IDENTITY;
use prost_types::value::Kind;
use prost_types::{Struct, Value};

use crate::controller::{CallError, ControllerClient};

/// The life that is asked for, in seconds: 24 h. The CA may grant less.
const VALIDITY: i64 = 24 * 60 * 60;

/// Signs certificate requests.
pub trait Signer: Send + Sync + 'static {
    /// Has `csr` (PEM) signed for `identity`. The answer is PEM: the leaf, intermediates one an entry, and as last
    /// entry all roots.
    ///
    /// # Errors
    /// When the signer was not reached or refused.
    fn sign(
        &self,
        identity: &Identity,
        csr: String,
    ) -> impl Future<Output = Result<Vec<String>, CallError>> + Send;
}

impl Signer for ControllerClient {
    async fn sign(&self, identity: &Identity, csr: String) -> Result<Vec<String>, CallError> {
        let asked = Value { kind: Some(Kind::StringValue(identity.to_string())) };
        let metadata = Struct { fields: BTreeMap::from([(IMPERSONATED_IDENTITY.to_owned(), asked)]) };
        let message = IstioCertificateRequest { csr, validity_duration: VALIDITY, metadata: Some(metadata) };
        let mut request = self.request(message).await?;
        // Istio's CA tells by it whose token it must verify; an id that no header can carry is none that it knows.
        if let Ok(cluster) = self.settings().cluster_id.parse() {
            request.metadata_mut().insert("clusterid", cluster);
        }
        let mut client = IstioCertificateServiceClient::new(self.channel());
        let answer = self.answer(client.create_certificate(request)).await?;
        Ok(answer.into_inner().cert_chain)
    }
}

#[cfg(test)]
mod tests;
