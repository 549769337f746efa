use super::*;

const INTERVAL: Duration = Duration::from_millis(100);

#[test]
fn a_burst_and_then_one_each_interval() {
    let mut rate = Rate::new(3, INTERVAL);
    let start = Instant::now();
    for _ in 0..3 {
        assert_eq!(rate.take("a", start), Ok(()));
    }
    assert_eq!(rate.take("a", start), Err(INTERVAL));
    assert_eq!(rate.take("a", start + INTERVAL / 2), Err(INTERVAL / 2));
    assert_eq!(rate.take("a", start + INTERVAL), Ok(()));
    assert_eq!(rate.take("a", start + INTERVAL), Err(INTERVAL));
}

#[test]
fn nodes_do_not_take_from_each_other() {
    let mut rate = Rate::new(1, INTERVAL);
    let start = Instant::now();
    assert_eq!(rate.take("a", start), Ok(()));
    assert!(rate.take("a", start).is_err());
    assert_eq!(rate.take("b", start), Ok(()));
}

#[test]
fn a_quiet_node_saves_up_one_burst_and_no_more() {
    let mut rate = Rate::new(2, INTERVAL);
    let start = Instant::now();
    assert_eq!(rate.take("a", start), Ok(()));
    let later = start + Duration::from_secs(3600);
    assert_eq!(rate.take("a", later), Ok(()));
    assert_eq!(rate.take("a", later), Ok(()));
    assert!(rate.take("a", later).is_err());
}
