//! An answer made at most once a second, however many ask.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::Answer;

/// How long an answer stays current.
const LIFE: Duration = Duration::from_secs(1);

/// Makes answers and keeps the newest.
#[derive(Debug)]
pub(super) struct SharedAnswer<Make> {
    make: Make,
    newest: Mutex<Arc<Rendering>>,
}

/// One answer. The first request makes it, the others wait.
#[derive(Debug)]
struct Rendering {
    asked: Instant,
    answer: OnceCell<Answer>,
}

impl<Make, Making> SharedAnswer<Make>
where
    Make: Fn() -> Making,
    Making: Future<Output = Answer>,
{
    /// Makes no answer before the first request.
    pub(super) fn new(make: Make) -> Self {
        Self { make, newest: Mutex::new(Rendering::new()) }
    }

    /// An answer started at most a second ago.
    pub(super) async fn get(&self) -> Answer {
        self.rendering().answer.get_or_init(&self.make).await.clone()
    }

    fn rendering(&self) -> Arc<Rendering> {
        // The state is consistent at every point under the lock.
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.asked.elapsed() >= LIFE {
            *newest = Rendering::new();
        }
        Arc::clone(&newest)
    }
}

impl Rendering {
    fn new() -> Arc<Self> {
        Arc::new(Self { asked: Instant::now(), answer: OnceCell::new() })
    }
}

#[cfg(test)]
mod tests;
