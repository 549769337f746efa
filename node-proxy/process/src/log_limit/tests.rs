use super::*;

const PERIOD: Duration = Duration::from_secs(1);

fn allowed(limiter: &LogLimiter) -> Vec<u64> {
    (0..1000).filter_map(|_| limiter.allow()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_written_whole_and_then_a_line_each_period() {
    let limiter = LogLimiter::new(3, PERIOD);
    assert_eq!(allowed(&limiter), [0, 0, 0]);
    tokio::time::advance(PERIOD - Duration::from_millis(1)).await;
    assert!(allowed(&limiter).is_empty());
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(allowed(&limiter), [1997], "it tells how many were left out");
    tokio::time::advance(60 * PERIOD).await;
    assert_eq!(allowed(&limiter), [999, 0, 0]);
    assert_eq!(limiter.left_out(), 997 + 1000 + 999 + 997);
}

#[tokio::test(start_paused = true)]
async fn lines_that_come_seldom_are_all_written() {
    let limiter = LogLimiter::one_each(PERIOD);
    for _ in 0..5 {
        assert_eq!(limiter.allow(), Some(0));
        tokio::time::advance(PERIOD).await;
    }
    assert_eq!(limiter.left_out(), 0);
}
