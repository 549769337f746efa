use std::sync::atomic::{AtomicUsize, Ordering};

use http::StatusCode;
use http_body_util::BodyExt as _;
use tokio::task::JoinSet;

use super::super::text;
use super::*;

#[tokio::test(start_paused = true)]
async fn an_answer_is_made_once_a_second_however_many_ask() {
    let made = AtomicUsize::new(0);
    let shared = SharedAnswer::new(async || {
        let number = made.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(100)).await;
        text(StatusCode::OK, number.to_string())
    });
    let body = async || shared.get().await.into_body().collect().await.unwrap().to_bytes();
    for second in 0..3_usize {
        let answers = tokio::join!(body(), body(), body());
        let expected = second.to_string();
        assert!(
            [&answers.0, &answers.1, &answers.2].iter().all(|answer| **answer == expected),
            "{answers:?}"
        );
        tokio::time::advance(LIFE).await;
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_while_an_answer_is_made_takes_it_from_nobody() {
    let shared = Arc::new(SharedAnswer::new(async || {
        tokio::time::sleep(Duration::from_millis(500)).await;
        text(StatusCode::OK, "made")
    }));
    let mut asking = JoinSet::new();
    let first = asking.spawn({
        let shared = Arc::clone(&shared);
        async move { shared.get().await.status() }
    });
    tokio::task::yield_now().await;
    asking.spawn(async move { shared.get().await.status() });
    tokio::task::yield_now().await;
    first.abort();
    let mut answered = Vec::new();
    while let Some(joined) = asking.join_next().await {
        answered.extend(joined);
    }
    assert_eq!(answered, [StatusCode::OK]);
}
