//! Takes up the Pods that were enrolled when the agent ended.

use std::sync::Arc;

use crate::enrolment::reclaim;
use crate::ground::Ground;
use crate::kernel::Kernel;
use crate::pods::Pods;
use crate::record::Record;
use crate::store::StoreError;

/// All Pods of the store whose namespaces are there still, on offer to node proxies; to be done before any can connect.
/// What cannot be taken up is said in the log and forgotten, or left for whoever reads the log.
///
/// # Errors
/// When the store cannot be read.
pub fn restore<K: Kernel>(ground: &Arc<Ground<K>>) -> Result<Pods<K>, StoreError> {
    let mut pods = Pods::new(Arc::clone(ground));
    let (records, unreadable) = ground.store.load()?;
    for file in unreadable {
        tracing::error!(error = %file, "a Pod is not taken up: enrol it again");
    }
    for record in records {
        resume(&mut pods, ground, record);
    }
    Ok(pods)
}

fn resume<K: Kernel>(pods: &mut Pods<K>, ground: &Ground<K>, record: Record) {
    let pod = record.pod.clone();
    match reclaim(&ground.kernel, record) {
        Ok(Some(claim)) => {
            if let Err(error) = pods.resume(claim) {
                tracing::error!(%pod, %error, "not taken up");
            }
        }
        Ok(None) => {
            tracing::info!(%pod, "its network namespace is gone");
            if let Err(error) = ground.store.forget(&pod) {
                tracing::warn!(%pod, %error, "its record stays");
            }
        }
        Err(error) => tracing::error!(%pod, %error, "not taken up: its namespace cannot be opened"),
    }
}
