use super::*;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

#[test]
fn a_node_is_lost_when_it_is_gone_or_has_not_been_ready_for_long() {
    let mut nodes = NodeHealth::default();
    assert_eq!(nodes.lost_at("a"), Some(at(0)), "there is none");
    assert!(nodes.set("a", None) && !nodes.set("a", None));
    assert_eq!(nodes.lost_at("a"), None);
    assert!(nodes.set("a", Some(at(1000))) && !nodes.note("a"));
    assert_eq!(nodes.lost_at("a"), Some(at(1300)));
    assert!(nodes.set("a", None));
    assert_eq!(nodes.lost_at("a"), None, "it is ready again");
    assert!(nodes.remove("a") && !nodes.remove("a"));
    assert_eq!(nodes.lost_at("a"), Some(at(0)));
    assert!(nodes.note("b"));
    assert_eq!(nodes.lost_at("b"), None, "it cannot be read");
}

#[test]
fn nobody_is_lost_before_all_have_been_seen() {
    assert_eq!(NodeHealthReader::unknown().lost_at("a"), None);
    let (sender, reader) = watch::channel(None);
    let reader = NodeHealthReader::new(reader);
    assert_eq!(reader.lost_at("a"), None);
    sender.send_replace(Some(Arc::default()));
    assert_eq!(reader.lost_at("a"), Some(at(0)));
}
