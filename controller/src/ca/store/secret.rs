//! The authority's state in a Secret, which the controller's replicas share.
//!
//! Whichever replica comes first creates it. Each write names the version that it was made from, so that no replica undoes what
//! another has done. A Secret that holds `tls.crt` and `tls.key`, as cert-manager writes them, provides the root: the state stands
//! beside them, and a root that replaces it there is announced like one of our own.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use karez_api::names::object;
use karez_process::log_limit::LogLimiter;
use kube::api::PostParams;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watch_object};
use kube::{Api, Client, ResourceExt as _};
use tracing::warn;

use super::{Saved, State, StateError, Stored, is_in_bundle};
use crate::ca::Root;

/// The key of the state.
const STATE: &str = "ca.json";
/// The keys of a root that is provided.
const CERTIFICATE: &str = "tls.crt";
const PRIVATE_KEY: &str = "tls.key";
/// What the API server answers when a version is not the present one, or an object is there already.
const CONFLICT: u16 = 409;
/// Between two lines in the log about a Secret that cannot be used.
const COMPLAIN_EVERY: Duration = Duration::from_secs(30);

/// The Secret.
pub struct SecretStore {
    secrets: Api<Secret>,
    config_maps: Api<ConfigMap>,
    present: Option<Secret>,
    changes: BoxStream<'static, Result<Option<Secret>, watcher::Error>>,
    complaints: LogLimiter,
}

impl SecretStore {
    /// The one in that namespace.
    #[must_use]
    pub fn new(client: Client, namespace: &str) -> Self {
        let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
        let config_maps = Api::namespaced(client, namespace);
        let changes = watch_object(secrets.clone(), object::CA_SECRET).default_backoff().boxed();
        let complaints = LogLimiter::one_each(COMPLAIN_EVERY);
        Self { secrets, config_maps, present: None, changes, complaints }
    }

    pub(super) async fn load(&mut self) -> Result<Stored, StateError> {
        self.present = self.secrets.get_opt(object::CA_SECRET).await.map_err(refused)?;
        self.present.as_ref().map_or_else(|| Ok(Stored::default()), stored)
    }

    /// The ConfigMap with the roots outlives a Secret that somebody deletes, and a mesh that begins has none. cert-manager soon
    /// makes the Secret again, with another root: those who know the one before would trust nobody.
    pub(super) async fn check_new(&self, provided: Option<&Root>) -> Result<(), StateError> {
        let roots = self.config_maps.get_opt(object::ROOTS).await.map_err(|error| StateError::Api {
            object: format!("ConfigMap {}", object::ROOTS),
            error: Box::new(error),
        })?;
        let Some(bundle) = roots.and_then(|roots| roots.data?.remove(object::ROOTS_KEY)) else {
            return Ok(());
        };
        if provided.is_some_and(|root| is_in_bundle(root, &bundle)) {
            return Ok(());
        }
        // Another replica may have begun since the Secret was looked for: its state comes before the ConfigMap.
        let secret = self.secrets.get_opt(object::CA_SECRET).await.map_err(refused)?;
        secret.filter(|secret| value(secret, STATE).is_some()).map(drop).ok_or(StateError::Lost)
    }

    pub(super) async fn save(&mut self, state: &Arc<State>) -> Result<Saved, StateError> {
        let text = serde_json::to_vec(&**state).map_err(StateError::Encode)?;
        let written = match &self.present {
            // A start that changes nothing writes nothing.
            Some(present) if value(present, STATE) == Some(&text) => return Ok(Saved::Written),
            Some(present) => {
                let mut next = present.clone();
                next.data.get_or_insert_default().insert(STATE.to_owned(), ByteString(text));
                // With the version that was read: of two writers one fails.
                self.secrets.replace(object::CA_SECRET, &PostParams::default(), &next).await
            }
            None => self.secrets.create(&PostParams::default(), &new(text)).await,
        };
        match written {
            Ok(present) => {
                self.present = Some(present);
                Ok(Saved::Written)
            }
            Err(kube::Error::Api(status)) if status.code == CONFLICT => {
                Ok(Saved::Overtaken(Box::new(self.load().await?)))
            }
            Err(error) => Err(refused(error)),
        }
    }

    pub(super) async fn changed(&mut self) -> Stored {
        loop {
            // The stream never ends.
            let Some(change) = self.changes.next().await else { return std::future::pending().await };
            match change {
                Ok(Some(secret)) => {
                    if self.present.as_ref().is_some_and(|present| is_not_newer(&secret, present)) {
                        continue;
                    }
                    match stored(&secret) {
                        Ok(stored) => {
                            self.present = Some(secret);
                            return stored;
                        }
                        Err(error) => self.complain(&error),
                    }
                }
                Ok(None) => {
                    self.present = None;
                    return Stored::default();
                }
                Err(error) => self.complain(&error),
            }
        }
    }

    fn complain(&self, error: &dyn fmt::Display) {
        if let Some(left_out) = self.complaints.allow() {
            warn!(%error, left_out, "the state of the certificate authority cannot be followed: what is known of it stays in force");
        }
    }
}

impl fmt::Debug for SecretStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretStore")
    }
}

/// The watch may tell of a version that this replica has written itself, or has overwritten already.
fn is_not_newer(secret: &Secret, present: &Secret) -> bool {
    // Resource versions of one resource are numbers that grow (KEP-5504).
    let version =
        |secret: &Secret| secret.resource_version().and_then(|version| version.parse::<u128>().ok());
    let is_older = version(secret).zip(version(present)).is_some_and(|(it, present)| it <= present);
    secret.uid() == present.uid() && is_older
}

fn stored(secret: &Secret) -> Result<Stored, StateError> {
    let place = |key: &str| format!("Secret {}, key {key}", object::CA_SECRET);
    let state = value(secret, STATE).map(|text| {
        serde_json::from_slice(text)
            .map_err(|error| StateError::Damaged { path: PathBuf::from(place(STATE)), error })
    });
    let provided = value(secret, CERTIFICATE).zip(value(secret, PRIVATE_KEY)).map(|(certificate, key)| {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Root::provided(&text(certificate), &text(key))
            .map_err(|error| StateError::Provided { place: place(CERTIFICATE), error })
    });
    Ok(Stored { state: state.transpose()?, provided: provided.transpose()? })
}

fn value<'a>(secret: &'a Secret, key: &str) -> Option<&'a Vec<u8>> {
    let value = secret.data.as_ref()?.get(key).map(|value| &value.0)?;
    // cert-manager's placeholder, and what a template leaves.
    (!value.is_empty()).then_some(value)
}

fn new(text: Vec<u8>) -> Secret {
    let mut secret =
        Secret { data: Some([(STATE.to_owned(), ByteString(text))].into()), ..Secret::default() };
    secret.metadata.name = Some(object::CA_SECRET.to_owned());
    secret
}

fn refused(error: kube::Error) -> StateError {
    StateError::Api { object: format!("Secret {}", object::CA_SECRET), error: Box::new(error) }
}

#[cfg(test)]
mod tests;
