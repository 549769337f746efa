//! Finds out whose a token is: by the tokens file, or by asking the API server.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use karez_api::names::TOKEN_AUDIENCE;
use kube::Api;
use kube::api::PostParams;
use lru::LruCache;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};
use tonic::Status;
use tracing::warn;

use super::credential::{Credential, pod_gone};
use super::own_pods::{OwnPodsReader, Program, vouch_for};
use super::review::{self, ReviewRefusal};
use super::{Caller, stopping};
use crate::tokens::{Presented, Tokens};

/// Answers that are remembered; the one that was used least recently gives way.
const ANSWERS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
/// How long the API server's word for a caller is taken. That its Pod lives is watched all the time.
const ACCEPTED_FOR: Duration = Duration::from_secs(60);
/// How long a token that was refused is refused again without asking.
const REFUSED_FOR: Duration = Duration::from_secs(10);
/// Reviews at a time.
const REVIEWS: usize = 16;
/// Callers that may wait to be authenticated.
const WAITING: usize = 1024;
/// For one review.
const REVIEW_TIMEOUT: Duration = Duration::from_secs(10);
/// A Pod may call before this controller's watch has seen it.
const WATCH_LAG: Duration = Duration::from_secs(5);

/// Knows callers by their tokens. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Authenticator {
    /// By the tokens file.
    File(watch::Receiver<Arc<Tokens>>),
    /// By the API server.
    Cluster(TokenReviewer),
}

/// Asks the API server, and remembers what it said. Clones remember together.
#[derive(Clone)]
pub struct TokenReviewer {
    reviews: Api<TokenReview>,
    namespace: Arc<str>,
    pods: OwnPodsReader,
    answers: Arc<Mutex<LruCache<Presented, Answer>>>,
    /// Bounds the reviews.
    reviewing: Arc<Semaphore>,
    /// Bounds the callers that wait.
    waiting: Arc<Semaphore>,
}

/// What the API server said, and until when that counts.
#[derive(Debug, Clone)]
struct Answer {
    caller: Result<Caller, ReviewRefusal>,
    until: Instant,
}

impl Authenticator {
    /// The nodes that a node proxy calls from, or should.
    #[must_use]
    pub fn nodes(&self) -> BTreeSet<String> {
        match self {
            Self::File(tokens) => {
                let tokens = tokens.borrow();
                let proxies = tokens.callers().filter(|caller| matches!(caller, Caller::NodeProxy { .. }));
                proxies.filter_map(Caller::node).map(str::to_owned).collect()
            }
            Self::Cluster(reviewer) => {
                let pods = reviewer.pods.borrow();
                let proxies = pods.values().filter(|pod| pod.program == Program::NodeProxy);
                proxies.filter_map(|pod| pod.node.clone()).collect()
            }
        }
    }

    /// What vouches for the bearer of that token.
    ///
    /// # Errors
    /// A status for the caller when nothing does, or nobody can tell at the moment.
    pub(super) async fn authenticate(&self, token: &str) -> Result<Credential, Status> {
        match self {
            Self::File(tokens) => {
                let credential =
                    Credential::Listed { presented: Presented::of(token), tokens: tokens.clone() };
                credential.caller().map(|_| credential)
            }
            Self::Cluster(reviewer) => reviewer.authenticate(token).await,
        }
    }
}

impl TokenReviewer {
    /// The mesh's own accounts are those of `namespace`, and its own Pods `pods`.
    #[must_use]
    pub fn new(client: kube::Client, namespace: &str, pods: OwnPodsReader) -> Self {
        Self {
            reviews: Api::all(client),
            namespace: namespace.into(),
            pods,
            answers: Arc::new(Mutex::new(LruCache::new(ANSWERS))),
            reviewing: Arc::new(Semaphore::new(REVIEWS)),
            waiting: Arc::new(Semaphore::new(WAITING)),
        }
    }

    async fn authenticate(&self, token: &str) -> Result<Credential, Status> {
        let Ok(_waiting) = self.waiting.try_acquire() else {
            return Err(Status::unavailable("too many callers wait to be authenticated: try again"));
        };
        let presented = Presented::of(token);
        let caller = match self.remembered(presented) {
            Some(caller) => caller,
            None => self.review(presented, token).await?,
        };
        let caller = caller.map_err(|refusal| Status::unauthenticated(refusal.to_string()))?;
        self.confirm(&caller).await?;
        Ok(Credential::Reviewed { caller, pods: self.pods.clone() })
    }

    /// Asks, unless another call with the same token has asked meanwhile.
    async fn review(
        &self,
        presented: Presented,
        token: &str,
    ) -> Result<Result<Caller, ReviewRefusal>, Status> {
        let _reviewing = self.reviewing.acquire().await.map_err(|_| stopping())?;
        if let Some(caller) = self.remembered(presented) {
            return Ok(caller);
        }
        let caller = review::caller(&self.ask(token).await?, &self.namespace);
        let lifetime = if caller.is_ok() { ACCEPTED_FOR } else { REFUSED_FOR };
        let answer = Answer { caller: caller.clone(), until: Instant::now() + lifetime };
        self.answers().put(presented, answer);
        Ok(caller)
    }

    async fn ask(&self, token: &str) -> Result<TokenReviewStatus, Status> {
        let spec =
            TokenReviewSpec { audiences: Some(vec![TOKEN_AUDIENCE.to_owned()]), token: token.to_owned() };
        let review = TokenReview { spec, ..TokenReview::default() };
        // The API server's words are for this controller's log, not for the caller.
        let unavailable =
            || Status::unavailable("the API server does not review tokens at the moment: try again");
        match timeout(REVIEW_TIMEOUT, self.reviews.create(&PostParams::default(), &review)).await {
            Ok(Ok(reviewed)) => Ok(reviewed.status.unwrap_or_default()),
            Ok(Err(error)) => {
                warn!(%error, "the API server did not review a token");
                Err(unavailable())
            }
            Err(_) => {
                warn!("the API server did not review a token within {REVIEW_TIMEOUT:?}");
                Err(unavailable())
            }
        }
    }

    /// The API server accepts the token of a deleted Pod for some ten seconds more; this controller's watch knows better.
    async fn confirm(&self, caller: &Caller) -> Result<(), Status> {
        let mut pods = self.pods.clone();
        let seen = timeout(WATCH_LAG, pods.wait_for(|pods| vouch_for(pods, caller))).await;
        match seen {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(stopping()),
            Err(_) => Err(pod_gone(caller)),
        }
    }

    fn remembered(&self, presented: Presented) -> Option<Result<Caller, ReviewRefusal>> {
        let mut answers = self.answers();
        let answer = answers.get(&presented)?;
        (Instant::now() < answer.until).then(|| answer.caller.clone())
    }

    fn answers(&self) -> MutexGuard<'_, LruCache<Presented, Answer>> {
        // An answer is put in one step: a panic of another task leaves nothing half done.
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for TokenReviewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenReviewer").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
