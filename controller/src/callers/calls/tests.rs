use super::*;

#[test]
fn every_token_has_its_own_bound_and_what_has_ended_does_not_count() {
    let calls = Calls::default();
    let [one, two] = ["one", "two"].map(Presented::of);
    let mut open: Vec<Call> = (0..MOST).map(|_| calls.begin(one).unwrap()).collect();
    assert!(calls.begin(one).is_none());
    let other = calls.begin(two).unwrap();
    open.pop();
    open.push(calls.begin(one).unwrap());
    assert!(calls.begin(one).is_none());
    drop((open, other));
    assert!(calls.lock().is_empty(), "nothing is remembered of those who have none");
}
