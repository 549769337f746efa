use super::*;

#[tokio::test(start_paused = true)]
async fn one_line_is_written_however_many_there_could_be() {
    let limit = LogLimit::new(Duration::from_secs(1));
    let written = || (0..1000).filter(|_| limit.allows()).count();
    assert_eq!(written(), 1);
    tokio::time::advance(Duration::from_millis(999)).await;
    assert_eq!(written(), 0);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(written(), 1);
}
