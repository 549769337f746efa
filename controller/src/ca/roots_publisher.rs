//! Keeps the ConfigMap with the roots, by which agents, node proxies and operators know the controller.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use karez_api::names::object;
use karez_process::log_limit::LogLimiter;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{info, warn};

use super::{Authority, State, bundle};
use crate::leadership::Leadership;

/// How often it is looked at: somebody may have changed or removed it.
const INTERVAL: Duration = Duration::from_secs(30);
/// After a failure.
const RETRY: Duration = Duration::from_secs(2);
/// For one look.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Between two lines in the log about a ConfigMap that cannot be written.
const COMPLAIN_EVERY: Duration = Duration::from_secs(30);

/// Writes the ConfigMap while this replica leads.
#[derive(Debug)]
pub struct RootsPublisher {
    config_maps: Api<ConfigMap>,
    authority: Authority,
    state: watch::Receiver<Arc<State>>,
    leadership: Leadership,
    complaints: LogLimiter,
}

impl RootsPublisher {
    /// In a namespace, from the authority's state.
    #[must_use]
    pub fn new(client: Client, namespace: &str, authority: Authority, leadership: Leadership) -> Self {
        let state = authority.state();
        let complaints = LogLimiter::one_each(COMPLAIN_EVERY);
        Self { config_maps: Api::namespaced(client, namespace), authority, state, leadership, complaints }
    }

    /// Runs until the authority is gone.
    pub async fn run(mut self) {
        loop {
            self.leadership.leads().await;
            let state = Arc::clone(&self.state.borrow_and_update());
            let roots = bundle(&state.roots);
            let wait = match timeout(TIMEOUT, self.publish(&roots)).await {
                Ok(Ok(())) => {
                    if let Some(announced) = state.roots.announced() {
                        self.authority.published(announced.fingerprint().to_owned()).await;
                    }
                    INTERVAL
                }
                Ok(Err(error)) => self.failed(&error.to_string()),
                Err(_) => self.failed("no answer of the API server"),
            };
            tokio::select! {
                changed = self.state.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn publish(&self, roots: &str) -> Result<(), kube::Error> {
        let parameters = PostParams::default();
        let written = match self.config_maps.get_opt(object::ROOTS).await? {
            Some(present) if value(&present) == Some(roots) => return Ok(()),
            Some(mut present) => {
                present.data.get_or_insert_default().insert(object::ROOTS_KEY.to_owned(), roots.to_owned());
                // With the version that was read: what somebody else changed meanwhile is not lost.
                self.config_maps.replace(object::ROOTS, &parameters, &present).await
            }
            None => self.config_maps.create(&parameters, &new(roots)).await,
        };
        written?;
        info!(config_map = object::ROOTS, "the roots are published");
        Ok(())
    }

    fn failed(&self, error: &str) -> Duration {
        if let Some(left_out) = self.complaints.allow() {
            warn!(error, left_out, config_map = object::ROOTS, "the roots cannot be published");
        }
        RETRY
    }
}

fn value(config_map: &ConfigMap) -> Option<&str> {
    config_map.data.as_ref()?.get(object::ROOTS_KEY).map(String::as_str)
}

fn new(roots: &str) -> ConfigMap {
    let data = [(object::ROOTS_KEY.to_owned(), roots.to_owned())].into();
    let mut config_map = ConfigMap { data: Some(data), ..ConfigMap::default() };
    config_map.metadata.name = Some(object::ROOTS.to_owned());
    config_map
}
