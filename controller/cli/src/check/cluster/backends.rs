//! Services that the API server calls, of webhooks and aggregated APIs. Pure.

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ServiceReference, ValidatingWebhookConfiguration,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;

/// Where a reference names no port.
const DEFAULT_PORT: i32 = 443;

/// A Service that the API server calls.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Backend {
    /// The object that names it, such as `APIService v1beta1.metrics.k8s.io`.
    pub(super) named_by: String,
    /// Its namespace.
    pub(super) namespace: String,
    /// Its name.
    pub(super) service: String,
    /// Its port.
    pub(super) port: i32,
}

/// Backends of webhooks that validate.
pub(super) fn of_validating(configuration: &ValidatingWebhookConfiguration) -> Vec<Backend> {
    let webhooks = configuration.webhooks.iter().flatten();
    let services = webhooks.filter_map(|webhook| webhook.client_config.service.as_ref());
    services
        .map(|service| of_webhook("ValidatingWebhookConfiguration", &configuration.metadata, service))
        .collect()
}

/// Backends of webhooks that mutate.
pub(super) fn of_mutating(configuration: &MutatingWebhookConfiguration) -> Vec<Backend> {
    let webhooks = configuration.webhooks.iter().flatten();
    let services = webhooks.filter_map(|webhook| webhook.client_config.service.as_ref());
    services
        .map(|service| of_webhook("MutatingWebhookConfiguration", &configuration.metadata, service))
        .collect()
}

/// The backend that converts objects of a kind.
pub(super) fn of_definition(definition: &CustomResourceDefinition) -> Option<Backend> {
    let webhook = definition.spec.conversion.as_ref()?.webhook.as_ref()?;
    let service = webhook.client_config.as_ref()?.service.as_ref()?;
    Some(Backend {
        named_by: named_by("CustomResourceDefinition", &definition.metadata),
        namespace: service.namespace.clone(),
        service: service.name.clone(),
        port: service.port.unwrap_or(DEFAULT_PORT),
    })
}

/// The backend of an aggregated API.
pub(super) fn of_api_service(api: &APIService) -> Option<Backend> {
    let service = api.spec.as_ref()?.service.as_ref()?;
    Some(Backend {
        named_by: named_by("APIService", &api.metadata),
        namespace: service.namespace.clone()?,
        service: service.name.clone()?,
        port: service.port.unwrap_or(DEFAULT_PORT),
    })
}

fn of_webhook(kind: &str, metadata: &ObjectMeta, service: &ServiceReference) -> Backend {
    Backend {
        named_by: named_by(kind, metadata),
        namespace: service.namespace.clone(),
        service: service.name.clone(),
        port: service.port.unwrap_or(DEFAULT_PORT),
    }
}

fn named_by(kind: &str, metadata: &ObjectMeta) -> String {
    format!("{kind} {}", metadata.name.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests;
