use std::time::Duration;

use super::*;
use crate::ca::{Root, Roots, Timestamp};

fn root() -> Root {
    Root::generate(Timestamp::from_seconds(1000), Duration::from_secs(10_000)).unwrap()
}

fn announced() -> State {
    let mut roots = Roots::new(root(), Duration::from_secs(100));
    roots.announce(root(), Timestamp::from_seconds(1000)).unwrap();
    State { roots, nodes: BTreeMap::new(), votes: Votes::new() }
}

fn standings(said: &[(&str, Standing)]) -> BTreeMap<String, Standing> {
    said.iter().map(|(node, standing)| ((*node).to_owned(), *standing)).collect()
}

fn peers(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_root_waits_for_the_vote_of_every_other_replica_that_lives() {
    let mut state = announced();
    let peers = peers(&["b", "c"]);
    assert_eq!(unheard(&state, &peers), ["b", "c"]);
    state.votes.insert("b".to_owned(), vote(&state, standings(&[])).unwrap());
    assert_eq!(unheard(&state, &peers), ["c"]);
    // The vote was about another root.
    state.roots = announced().roots;
    assert_eq!(unheard(&state, &peers), ["b", "c"]);
    state.roots = Roots::new(root(), Duration::from_secs(100));
    assert!(unheard(&state, &peers).is_empty() && vote(&state, standings(&[])).is_none());
}

#[test]
fn a_node_of_another_replica_is_as_that_one_says_and_the_slower_stream_counts() {
    use Standing::{Acknowledged, Pending};
    let mut state = announced();
    let said = standings(&[("one", Acknowledged), ("two", Pending), ("three", Acknowledged)]);
    state.votes.insert("b".to_owned(), vote(&state, said.clone()).unwrap());
    state.votes.insert("gone".to_owned(), vote(&state, standings(&[("four", Pending)])).unwrap());
    let mut known = standings(&[("two", Acknowledged), ("three", Pending)]);
    merge(&state, &peers(&["b"]), &mut known);
    assert_eq!(known, standings(&[("one", Acknowledged), ("two", Pending), ("three", Pending)]));
}
