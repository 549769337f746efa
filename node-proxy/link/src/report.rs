//! Sends the node's report to the controller.

use std::time::Duration;

use karez_api::names::REPORT_INTERVAL;
use karez_api::operator::NodeReport;
use karez_api::operator::node_reports_client::NodeReportsClient;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};
use tonic::Code;

use crate::controller::{CallError, ControllerClient};

/// Changes within it make one report.
const SPACING: Duration = Duration::from_secs(1);

/// Sends `reports` when it changes (at most one a second) and every [`REPORT_INTERVAL`].
///
/// Returns when the sender is gone. A report that did not arrive is not repeated: the next one says it all. A controller
/// that does not know of such reports, as Istio's does not, is sent one an interval: another may take its place.
pub async fn run(controller: ControllerClient, reports: watch::Receiver<NodeReport>) {
    let client = NodeReportsClient::new(controller.channel());
    pace(reports, |report| {
        let (controller, mut client) = (controller.clone(), client.clone());
        async move {
            let request = controller.request(report).await?;
            controller.answer(client.report(request)).await.map(drop)
        }
    })
    .await;
}

/// Gives `send` what is to be sent, when it is to be sent.
async fn pace<Sent>(mut reports: watch::Receiver<NodeReport>, send: impl Fn(NodeReport) -> Sent)
where
    Sent: Future<Output = Result<(), CallError>>,
{
    loop {
        let begun = Instant::now();
        let report = reports.borrow_and_update().clone();
        let mut spacing = SPACING;
        if let Err(error) = send(report).await {
            tracing::debug!(%error, "node report not delivered");
            if matches!(error, CallError::Answer { code: Code::Unimplemented, .. }) {
                spacing = REPORT_INTERVAL;
            }
        }
        // An elapsed interval is as good a reason as a change.
        if let Ok(Err(_closed)) = timeout_at(begun + REPORT_INTERVAL, reports.changed()).await {
            return;
        }
        sleep_until(begun + spacing).await;
    }
}

#[cfg(test)]
mod tests;
