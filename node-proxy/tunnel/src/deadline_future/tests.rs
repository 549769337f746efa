use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use proptest::prelude::*;
use tokio::sync::Notify;
use tokio::task::yield_now;

use super::*;

/// Counts its polls.
fn counted<'a, F: Future + 'a>(polls: &'a Cell<u32>, future: F) -> impl Future<Output = F::Output> + 'a {
    let mut future = Box::pin(future);
    poll_fn(move |cx| {
        polls.set(polls.get() + 1);
        future.as_mut().poll(cx)
    })
}

#[tokio::test]
async fn is_not_polled_for_what_others_of_the_task_are_woken_for() {
    let polls = Cell::new(0);
    let notify = Notify::new();
    let notified = pin!(counted(&polls, notify.notified()));
    let mut future = DeadlineFuture::new(notified);
    let busy = async {
        for _ in 0..100 {
            yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = &mut future => panic!("too early"),
        () = busy => {}
    }
    assert_eq!(polls.get(), 1);
    // The future's own wake reaches it.
    notify.notify_one();
    future.await;
    assert_eq!(polls.get(), 2);
}

#[tokio::test]
async fn wakes_the_task_that_polled_it_last() {
    let notify = Arc::new(Notify::new());
    let notified = Arc::clone(&notify);
    let mut future = DeadlineFuture::new(Box::pin(async move { notified.notified().await }));
    assert!(poll_fn(|cx| Poll::Ready(Pin::new(&mut future).poll(cx))).await.is_pending());
    let other = tokio::spawn(future);
    yield_now().await;
    notify.notify_one();
    other.await.unwrap();
}

#[tokio::test]
async fn is_pending_once_it_has_ended_whoever_asks() {
    let kept = Cell::new(None);
    let mut future = DeadlineFuture::new(Box::pin(async {
        poll_fn(|cx| {
            kept.set(Some(cx.waker().clone()));
            Poll::Ready(())
        })
        .await;
    }));
    (&mut future).await;
    kept.take().unwrap().wake();
    assert!(poll_fn(|cx| Poll::Ready(Pin::new(&mut future).poll(cx))).await.is_pending());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn no_wake_from_another_thread_is_lost(rounds in 1..200_u32) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (sender, mut receiver) = tokio::sync::watch::channel(0);
        let sending = std::thread::spawn(move || (1..=rounds).for_each(|round| { sender.send_replace(round); }));
        let seen = runtime.block_on(async {
            let last = pin!(async { *receiver.wait_for(|round| *round == rounds).await.unwrap() });
            tokio::time::timeout(Duration::from_secs(60), DeadlineFuture::new(last)).await
        });
        sending.join().unwrap();
        prop_assert_eq!(seen, Ok(rounds));
    }
}
