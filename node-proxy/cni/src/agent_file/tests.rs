use super::*;

#[test]
fn an_agent_is_gone_for_good_when_it_was_silent_for_long_on_a_node_that_ran() {
    let touched = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let found = Found { file: AgentFile::default(), touched };
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    // Minutes since the last sign of life, minutes since the node started.
    for (silent, uptime, is_stale) in
        [(0, 90, false), (9, 90, false), (11, 90, true), (90, 9, false), (90, 11, true)]
    {
        let now = touched + minutes(silent);
        assert_eq!(found.is_stale(now, minutes(uptime)), is_stale, "{silent}, {uptime}");
    }
    assert!(!found.is_stale(touched - minutes(90), minutes(90)), "the clock was set back");
}

#[test]
fn the_file_is_read_as_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("karez-agent");
    assert_eq!(Found::read(&path).unwrap(), None);
    let file = AgentFile { enrolled: ["shop".to_owned()].into(), exempt: ["kube-system".to_owned()].into() };
    fs::write(&path, serde_json::to_vec(&file).unwrap()).unwrap();
    assert_eq!(Found::read(&path).unwrap().unwrap().file, file);
    fs::write(&path, "half").unwrap();
    assert!(Found::read(&path).is_err());
}
