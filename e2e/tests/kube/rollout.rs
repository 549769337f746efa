//! A Deployment replaced under load: no request fails.

use anyhow::{Context as _, Result, ensure};

use crate::mesh;
use crate::namespace::{Namespace, PATIENCE};
use crate::workloads;

/// How often every Pod of the Deployment is replaced.
const ROLLOUTS: usize = 3;
/// Requests of one load: 25 a second, for longer than the rollouts take.
const REQUESTS: usize = 3000;

#[test]
fn no_request_fails_while_a_deployment_is_replaced() -> Result<()> {
    let namespace = Namespace::create("rollout")?;
    namespace.apply(&[
        workloads::deployment("web", 4),
        workloads::service("web"),
        workloads::client("kept", "n1"),
        workloads::client("closed", "n2"),
    ])?;
    namespace.wait_ready()?;
    mesh::enrol(&namespace, &["kept", "closed"])?;
    namespace.curl("kept", "http://web")?;

    let loads = [load(&namespace, "kept", "keep-alive")?, load(&namespace, "closed", "close")?];
    for _ in 0..ROLLOUTS {
        namespace.kubectl(&["rollout", "restart", "deployment/web"])?;
        let timeout = format!("--timeout={}s", PATIENCE.as_secs());
        namespace.kubectl(&["rollout", "status", "deployment/web", &timeout])?;
    }
    for load in loads {
        load.stop()?;
    }
    Ok(())
}

/// Requests from one Pod, with connections kept or closed after each.
struct Load<'a> {
    namespace: &'a Namespace,
    pod: &'static str,
}

fn load<'a>(namespace: &'a Namespace, pod: &'static str, connection: &str) -> Result<Load<'a>> {
    // To standard error, which is not buffered: what is buffered is lost at the end.
    let curl = format!(
        "curl --silent --show-error --max-time 10 --rate 25/s --header 'Connection: {connection}' --output /dev/null \
         --write-out '%{{stderr}}%{{http_code}} %{{errormsg}}\\n' 'http://web/?[1-{REQUESTS}]'"
    );
    let started = format!("({curl}; touch /tmp/ended) </dev/null >/tmp/answers 2>&1 &");
    namespace.exec(pod, &["sh", "-c", &started])?;
    Ok(Load { namespace, pod })
}

impl Load<'_> {
    /// Ends it, and checks that it went on to the end and that every answer was a good one.
    fn stop(self) -> Result<()> {
        let read = "test ! -e /tmp/ended; echo $?; killall curl; cat /tmp/answers";
        let text = self.namespace.exec(self.pod, &["sh", "-c", read])?;
        let (ended, answers) = text.split_once('\n').context("no answers")?;
        ensure!(ended == "0", "{}: the load ended before the rollouts did", self.pod);
        // The last line may be one that was being written.
        let answers: Vec<_> = answers.lines().collect();
        let (_, answers) = answers.split_last().context("no answers")?;
        let failed: Vec<_> = answers.iter().filter(|answer| !answer.starts_with("200")).collect();
        ensure!(answers.len() > 100, "{}: {} requests are no load", self.pod, answers.len());
        ensure!(
            failed.is_empty(),
            "{}: {} of {} requests failed: {failed:?}",
            self.pod,
            failed.len(),
            answers.len()
        );
        Ok(())
    }
}
