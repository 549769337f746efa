//! Composes the node's report to the controller.

use karez_api::operator::NodeReport;
use karez_link::Certificates;
use karez_link::discovery::Status;
use karez_process::build;
use tokio::sync::watch;

use crate::pods::NodeSummary;

/// Keeps the report current until its readers are gone.
pub(crate) async fn keep(
    report: watch::Sender<NodeReport>,
    mut summary: watch::Receiver<NodeSummary>,
    mut status: watch::Receiver<Status>,
    certificates: Certificates,
) {
    let mut changes = certificates.changes();
    loop {
        report.send_replace(compose(
            &summary.borrow_and_update(),
            &status.borrow_and_update(),
            &certificates,
        ));
        tokio::select! {
            Ok(()) = summary.changed() => {}
            Ok(()) = status.changed() => {}
            Ok(()) = changes.changed() => {}
            () = report.closed() => return,
            else => return,
        }
    }
}

fn compose(summary: &NodeSummary, status: &Status, certificates: &Certificates) -> NodeReport {
    NodeReport {
        version: build::VERSION.to_owned(),
        pods: summary.pods.clone(),
        agent_connected: summary.agent_connected,
        certificates: certificates.reports(),
        configuration_version: status.configuration_version.clone(),
    }
}
