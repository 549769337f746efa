use super::*;

#[test]
fn an_agent_is_gone_for_good_when_it_was_silent_for_long_on_a_node_that_ran() {
    let touched = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let found = Found { file: None, touched };
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
    let now = SystemTime::now();
    assert_eq!(Found::read(&path, now), None);
    let file = AgentFile { enrolled: ["shop".to_owned()].into() };
    fs::write(&path, serde_json::to_vec(&file).unwrap()).unwrap();
    let found = Found::read(&path, now).unwrap();
    assert_eq!(found.file, Some(file));
    assert!(found.enrols("shop") && !found.enrols("other"));
    fs::write(&path, "half").unwrap();
    let damaged = Found::read(&path, now).unwrap();
    assert_eq!(damaged.touched, fs::metadata(&path).unwrap().modified().unwrap());
    assert!(damaged.file.is_none() && !damaged.enrols("shop"));
    let behind_a_file = Found::read(&path.join("x"), now);
    assert_eq!(behind_a_file, Some(Found { file: None, touched: now }));
}
