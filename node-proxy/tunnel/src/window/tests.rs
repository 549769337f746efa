use std::sync::atomic::AtomicUsize;
use std::task::{Wake, Waker};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Counts how often it is woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

fn set(holding: &mut Holding, bytes: usize) -> Result<(), Evicted> {
    holding.set(bytes, Waker::noop())
}

#[test]
fn what_streams_hold_is_summed_and_given_back() {
    let budget = Budget::new(Limits { total: 100, share: 50 });
    let (one, other) = (budget.account(), budget.account());
    let mut first = Holding::new(one.clone());
    let mut second = Holding::new(other.clone());
    set(&mut first, 30).unwrap();
    set(&mut second, 20).unwrap();
    set(&mut first, 10).unwrap();
    assert_eq!((one.held(), other.held(), budget.held()), (10, 20, 30));
    drop(second);
    assert_eq!((one.held(), other.held(), budget.held()), (10, 0, 10));
}

#[test]
fn past_its_share_a_pod_loses_the_stream_that_holds_most() {
    let budget = Budget::new(Limits { total: 1_000, share: 100 });
    let pod = budget.account();
    let bell = Arc::new(Bell::default());
    let (mut large, mut small) = (Holding::new(pod.clone()), Holding::new(pod.clone()));
    large.set(60, &Waker::from(bell.clone())).unwrap();
    set(&mut small, 40).unwrap();
    assert_eq!(bell.0.load(Relaxed), 0, "the share is not exceeded");

    set(&mut small, 41).unwrap();
    assert_eq!(bell.0.load(Relaxed), 1, "the larger is told, and once");
    assert_eq!(pod.held(), 41);
    assert_eq!(set(&mut large, 60), Err(Evicted));
    assert_eq!(set(&mut large, 0), Err(Evicted));
    drop(large);
    assert_eq!((pod.held(), budget.held()), (41, 41));
}

#[test]
fn a_stream_that_is_too_large_alone_goes_itself() {
    let pod = Budget::new(Limits { total: 1_000, share: 100 }).account();
    let mut only = Holding::new(pod.clone());
    assert_eq!(set(&mut only, 101), Err(Evicted));
    assert_eq!(pod.held(), 0);
}

#[test]
fn past_the_total_the_largest_pod_pays() {
    let budget = Budget::new(Limits { total: 100, share: 90 });
    let (greedy, modest) = (budget.account(), budget.account());
    let mut large = Holding::new(greedy.clone());
    let mut small = Holding::new(modest.clone());
    set(&mut large, 80).unwrap();
    set(&mut small, 30).unwrap();
    assert_eq!(set(&mut large, 80), Err(Evicted));
    assert_eq!((greedy.held(), modest.held()), (0, 30));
}

#[test]
fn windows_that_grew_fit_into_half_of_both_bounds() {
    let budget = Budget::new(Limits { total: 1_000, share: 600 });
    let (one, other) = (budget.account(), budget.account());
    let mut holding = Holding::new(one.clone());
    // Bytes that one Pod holds, streams of a connection, and the limits of their windows: that Pod's, another's.
    for (held, streams, window, others) in [
        (0, 0, 300, 300),
        (0, 1, 300, 300),
        (0, 3, 100, 100),
        (240, 1, 60, 260),
        (240, 20, 3, 13),
        (300, 1, 0, 200),
        (510, 1, 0, 0),
    ] {
        set(&mut holding, held).unwrap();
        assert_eq!(
            (one.window(streams), other.window(streams)),
            (window, others),
            "{held} held, {streams} streams"
        );
    }
}

#[test]
fn closed_accounts_are_forgotten() {
    let budget = Budget::new(Limits::default());
    for _ in 0..10_000 {
        drop(budget.account());
    }
    assert!(lock(&budget.accounts).len() < 100);
}

#[test]
fn threads_agree() {
    let budget = Budget::new(Limits { total: 1_000, share: 400 });
    let pods: Vec<_> = (0..3).map(|_| budget.account()).collect();
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let (budget, pods) = (&budget, &pods);
            scope.spawn(move || {
                let mut streams: Vec<_> = pods.iter().map(|pod| Holding::new(pod.clone())).collect();
                for step in 0..20_000 {
                    let (pod, bytes) = (step % 3, (step * 7 + thread * 31) % 200);
                    if set(&mut streams[pod], bytes).is_err() {
                        streams[pod] = Holding::new(pods[pod].clone());
                    }
                    // Each of four threads may have charged once and not yet relieved.
                    assert!(budget.held() <= 1_000 + 4 * 200, "{}", budget.held());
                }
            });
        }
    });
    assert_eq!((budget.held(), pods[0].held()), (0, 0));
}

proptest! {
    /// Whatever streams of three Pods do, no limit is exceeded after any step, and nothing is left at the end.
    #[test]
    fn bounds_hold_at_any_time(steps in vec((0..12_usize, 0..80_usize), 1..200)) {
        let budget = Budget::new(Limits { total: 150, share: 70 });
        let accounts = [budget.account(), budget.account(), budget.account()];
        let mut streams: Vec<_> = (0..12).map(|stream| Holding::new(accounts[stream % 3].clone())).collect();
        for (stream, bytes) in steps {
            if set(&mut streams[stream], bytes).is_err() {
                streams[stream] = Holding::new(accounts[stream % 3].clone());
            }
            let held: Vec<_> = accounts.iter().map(|account| account.held()).collect();
            prop_assert!(held.iter().all(|held| *held <= 70), "{held:?}");
            prop_assert!(budget.held() <= 150);
            prop_assert_eq!(held.iter().sum::<usize>(), budget.held());
        }
        drop(streams);
        prop_assert_eq!(budget.held(), 0);
    }
}
