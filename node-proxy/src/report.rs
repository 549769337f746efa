//! What this node tells the controller about itself.

use karez_api::operator::NodeReport;
use karez_link::Certificates;
use karez_link::discovery::Status;
use karez_process::build;
use tokio::sync::watch;

use crate::pods::Told;

/// Keeps the report current until its readers are gone.
pub(crate) async fn keep(
    report: watch::Sender<NodeReport>,
    mut pods: watch::Receiver<Told>,
    mut status: watch::Receiver<Status>,
    certificates: Certificates,
) {
    let mut changes = certificates.changes();
    loop {
        report.send_replace(compose(&pods.borrow_and_update(), &status.borrow_and_update(), &certificates));
        tokio::select! {
            Ok(()) = pods.changed() => {}
            Ok(()) = status.changed() => {}
            Ok(()) = changes.changed() => {}
            () = report.closed() => return,
            else => return,
        }
    }
}

fn compose(pods: &Told, status: &Status, certificates: &Certificates) -> NodeReport {
    NodeReport {
        version: build::VERSION.to_owned(),
        pods: pods.pods.clone(),
        agent_connected: pods.agent_connected,
        certificates: certificates.reports(),
        configuration_version: status.configuration_version.clone(),
    }
}
