//! Requests that go on while something is done to the cluster. None may fail.

use anyhow::{Context as _, Result, ensure};

use karez_lab::wait;

use crate::namespace::{Namespace, PATIENCE};

/// Of one load: 25 a second, for longer than any test.
const REQUESTS: usize = 15_000;
/// Fewer are no load.
const FEWEST: usize = 100;

/// Whether requests share a connection.
#[derive(Clone, Copy)]
pub(crate) enum Connections {
    /// One for all.
    Kept,
    /// A new one for each.
    New,
}

/// Requests from one Pod to a URL.
pub(crate) struct Load<'a> {
    namespace: &'a Namespace,
    pod: &'static str,
}

impl<'a> Load<'a> {
    /// Begins it.
    pub(crate) fn start(
        namespace: &'a Namespace,
        pod: &'static str,
        url: &str,
        connections: Connections,
    ) -> Result<Self> {
        let connection = match connections {
            Connections::Kept => "keep-alive",
            Connections::New => "close",
        };
        // To standard error, which is not buffered: what is buffered is lost at the end.
        let curl = format!(
            "curl --silent --show-error --max-time 10 --rate 25/s --header 'Connection: {connection}' --output /dev/null \
             --write-out '%{{stderr}}%{{http_code}} after %{{time_total}} s: %{{errormsg}}\\n' '{url}/?[1-{REQUESTS}]'"
        );
        let started = format!("rm -f /tmp/ended; ({curl}; touch /tmp/ended) </dev/null >/tmp/answers 2>&1 &");
        namespace.exec(pod, &["sh", "-c", &started])?;
        Ok(Self { namespace, pod })
    }

    /// Waits for so many further answers.
    pub(crate) fn wait_answered(&self, further: usize) -> Result<()> {
        let wanted = self.answered()? + further;
        wait::until(&format!("{wanted} answers to {}", self.pod), PATIENCE, || {
            let answered = self.answered()?;
            ensure!(answered >= wanted, "there are {answered}");
            Ok(())
        })
    }

    fn answered(&self) -> Result<usize> {
        let count = self.namespace.exec(self.pod, &["sh", "-c", "wc -l </tmp/answers"])?;
        count.trim().parse().with_context(|| format!("{count:?} is no number"))
    }

    /// Ends it, and checks that it went on to the end and that every answer was a good one.
    pub(crate) fn stop(self) -> Result<()> {
        let pod = self.pod;
        let read = "test ! -e /tmp/ended; echo $?; killall curl; cat /tmp/answers";
        let text = self.namespace.exec(pod, &["sh", "-c", read])?;
        let (ended, answers) = text.split_once('\n').context("no answers")?;
        ensure!(ended == "0", "{pod}: the load ended too early");
        // The last line may be one that was being written. What is no answer is curl's own word on the one after it.
        let lines: Vec<_> = answers.lines().collect();
        let (_, lines) = lines.split_last().context("no answers")?;
        let answers: Vec<_> = lines.iter().filter(|line| line.contains(" after ")).collect();
        ensure!(answers.len() > FEWEST, "{pod}: {} requests are no load", answers.len());
        let failed = |answer: &&&&str| !answer.starts_with("200");
        let count = answers.iter().filter(failed).count();
        if let Some((at, first)) = answers.iter().enumerate().find(|(_, answer)| failed(answer)) {
            anyhow::bail!("{pod}: {count} of {} requests failed, number {at} first: {first}", answers.len());
        }
        Ok(())
    }
}
