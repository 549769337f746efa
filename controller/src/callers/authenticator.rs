//! Finds out whose a token is: by the tokens file, or by asking the API server.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
use super::review_limiter::{ReviewLimiter, WaitPermit};
use super::{Caller, claims, stopping};
use crate::tokens::{Presented, Tokens};

/// Answers of each kind that are remembered; the one that was used least recently gives way.
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
    Cluster(Arc<TokenReviewer>),
}

/// Asks the API server, and remembers what it said.
pub struct TokenReviewer {
    reviews: Api<TokenReview>,
    namespace: Arc<str>,
    pods: OwnPodsReader,
    accepted: Answers<Caller>,
    /// Apart: whoever makes tokens up displaces no caller that is known.
    refused: Answers<ReviewRefusal>,
    /// Bounds what one address asks.
    limiter: ReviewLimiter,
    /// Bounds the reviews.
    reviewing: Semaphore,
    /// Bounds the callers that wait.
    waiting: Semaphore,
}

/// What the API server said of tokens, and until when that counts.
#[derive(Debug)]
struct Answers<T>(Mutex<LruCache<Presented, (T, Instant)>>);

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

    /// What vouches for the bearer of that token, who calls from `address`.
    ///
    /// # Errors
    /// A status for the caller when nothing does, or nobody can tell at the moment.
    pub(super) async fn authenticate(&self, token: &str, address: IpAddr) -> Result<Credential, Status> {
        match self {
            Self::File(tokens) => {
                let credential =
                    Credential::Listed { presented: Presented::of(token), tokens: tokens.clone() };
                credential.caller().map(|_| credential)
            }
            Self::Cluster(reviewer) => reviewer.authenticate(token, address).await,
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
            accepted: Answers::new(),
            refused: Answers::new(),
            limiter: ReviewLimiter::new(),
            reviewing: Semaphore::new(REVIEWS),
            waiting: Semaphore::new(WAITING),
        }
    }

    async fn authenticate(&self, token: &str, address: IpAddr) -> Result<Credential, Status> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        claims::check(token, &self.namespace, now)
            .map_err(|implausible| Status::unauthenticated(implausible.to_string()))?;
        let Some(permit) = self.limiter.wait(address) else {
            return Err(Status::unavailable(
                "too many callers of this address wait to be authenticated: try again",
            ));
        };
        let Ok(_waiting) = self.waiting.try_acquire() else {
            return Err(Status::unavailable("too many callers wait to be authenticated: try again"));
        };
        let presented = Presented::of(token);
        let caller = match self.remembered(presented) {
            Some(caller) => caller,
            None => self.review(presented, token, &permit).await?,
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
        permit: &WaitPermit,
    ) -> Result<Result<Caller, ReviewRefusal>, Status> {
        let _reviewing = self.reviewing.acquire().await.map_err(|_| stopping())?;
        if let Some(caller) = self.remembered(presented) {
            return Ok(caller);
        }
        if !permit.take_review(Instant::now()) {
            return Err(Status::unavailable("too many tokens of this address were refused: try again later"));
        }
        let reviewed = self.ask(token).await.map(|status| review::caller(&status, &self.namespace));
        match &reviewed {
            Ok(Ok(caller)) => self.accepted.put(presented, caller.clone(), ACCEPTED_FOR),
            Ok(Err(refusal)) => self.refused.put(presented, refusal.clone(), REFUSED_FOR),
            Err(_) => {}
        }
        if !matches!(reviewed, Ok(Err(_))) {
            permit.give_back();
        }
        reviewed
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
        let accepted = self.accepted.get(presented).map(Ok);
        accepted.or_else(|| self.refused.get(presented).map(Err))
    }
}

impl<T: Clone> Answers<T> {
    fn new() -> Self {
        Self(Mutex::new(LruCache::new(ANSWERS)))
    }

    fn get(&self, presented: Presented) -> Option<T> {
        let mut answers = self.lock();
        let (answer, until) = answers.get(&presented)?;
        (Instant::now() < *until).then(|| answer.clone())
    }

    fn put(&self, presented: Presented, answer: T, lifetime: Duration) {
        self.lock().put(presented, (answer, Instant::now() + lifetime));
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Presented, (T, Instant)>> {
        // An answer is put in one step: a panic of another task leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for TokenReviewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenReviewer").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
