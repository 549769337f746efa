use std::sync::{Arc, Mutex};

use tokio::time::{sleep, timeout};

use super::*;
use crate::authority::Authority;
use crate::fake_controller::{FakeController, NodeFiles, PATIENCE};

fn version(version: &str) -> NodeReport {
    NodeReport { version: version.to_owned(), ..NodeReport::default() }
}

/// What was sent, and how many milliseconds after the beginning.
type Log = Arc<Mutex<Vec<(u128, String)>>>;

/// Paces `reports` with an answer of `code` to each; ends with the task.
fn paced(reports: watch::Receiver<NodeReport>, code: Option<Code>) -> (Log, tokio::task::JoinHandle<()>) {
    let log = Log::default();
    let (written, begun) = (Arc::clone(&log), Instant::now());
    let task = tokio::spawn(pace(reports, move |report| {
        written.lock().unwrap().push((begun.elapsed().as_millis(), report.version));
        std::future::ready(match code {
            None => Ok(()),
            Some(code) => Err(CallError::Answer { url: String::new(), code, message: String::new() }),
        })
    }));
    (log, task)
}

fn sent(log: &Log) -> Vec<(u128, String)> {
    log.lock().unwrap().clone()
}

fn entry(milliseconds: u128, version: &str) -> (u128, String) {
    (milliseconds, version.to_owned())
}

#[tokio::test(start_paused = true)]
async fn changes_are_gathered_and_silence_is_broken() {
    for answer in [None, Some(Code::Unavailable)] {
        let (reports, receiver) = watch::channel(version("a"));
        let (log, _task) = paced(receiver, answer);
        sleep(Duration::from_millis(100)).await;
        for change in ["b", "c", "d"] {
            reports.send_replace(version(change));
            sleep(Duration::from_millis(100)).await;
        }
        sleep(Duration::from_secs(10)).await;
        reports.send_replace(version("e"));
        sleep(Duration::from_millis(31_000)).await;
        let wanted = [entry(0, "a"), entry(1000, "d"), entry(10_400, "e"), entry(40_400, "e")];
        assert_eq!(sent(&log), wanted, "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_nobody_listens_changes_are_no_reason_to_try() {
    let (reports, receiver) = watch::channel(version("a"));
    let (log, _task) = paced(receiver, Some(Code::Unimplemented));
    for change in ["b", "c"] {
        sleep(Duration::from_secs(5)).await;
        reports.send_replace(version(change));
    }
    sleep(Duration::from_secs(51)).await;
    assert_eq!(sent(&log), [entry(0, "a"), entry(30_000, "c"), entry(60_000, "c")]);
}

#[tokio::test(start_paused = true)]
async fn ends_with_its_sender() {
    let (reports, receiver) = watch::channel(version("a"));
    let (_, task) = paced(receiver, None);
    sleep(Duration::from_secs(5)).await;
    assert!(!task.is_finished());
    drop(reports);
    timeout(REPORT_INTERVAL, task).await.unwrap().unwrap();
}

#[tokio::test]
async fn reports_arrive_with_the_token() {
    let root = Arc::new(Authority::root("controller"));
    let mut server = FakeController::start(Arc::clone(&root), 0).await;
    let files = NodeFiles::new(&root);
    let (reports, receiver) = watch::channel(version("a"));
    let _running = tokio::spawn(run(files.controller(server.port), receiver));
    let (metadata, report) = timeout(PATIENCE, server.reports.recv()).await.unwrap().unwrap();
    assert_eq!(metadata.get("authorization").unwrap(), "Bearer first");
    assert_eq!(report, version("a"));
    files.write_token("second");
    reports.send_replace(version("b"));
    let (metadata, report) = timeout(PATIENCE, server.reports.recv()).await.unwrap().unwrap();
    assert_eq!(metadata.get("authorization").unwrap(), "Bearer second");
    assert_eq!(report, version("b"));
}
