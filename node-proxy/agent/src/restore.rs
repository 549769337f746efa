//! Takes up the Pods that were enrolled when the agent ended.

use std::sync::Arc;

use karez_handover::pod::EnrolledPod;

use crate::context::AgentContext;
use crate::enrolment::reopen;
use crate::kernel::Kernel;
use crate::pods::Pods;
use crate::record::Record;
use crate::store::StoreError;

/// All Pods of the store whose namespaces are not known to be gone, on offer to node proxies; to be done before any can connect.
/// What is no record is said in the log and left alone.
///
/// # Errors
/// When the store cannot be read.
pub fn restore<K: Kernel>(context: &Arc<AgentContext<K>>) -> Result<Pods<K>, StoreError> {
    let mut pods = Pods::new(Arc::clone(context));
    let (records, unreadable) = context.store.load()?;
    for error in unreadable {
        tracing::error!(%error, "left alone: a Pod whose record this was has to be enrolled again");
    }
    for record in records {
        resume(&mut pods, context, record);
    }
    Ok(pods)
}

fn resume<K: Kernel>(pods: &mut Pods<K>, context: &AgentContext<K>, record: Record) {
    let pod = record.pod.clone();
    let sandbox = match reopen(&context.kernel, &record) {
        Ok(Some(sandbox)) => Some(sandbox),
        Ok(None) => return forget(context, &pod),
        Err(error) => {
            tracing::error!(%pod, %error, "cannot open its network namespace: the agent keeps trying");
            None
        }
    };
    if let Err(error) = pods.resume(record, sandbox) {
        tracing::error!(%pod, %error, "not restored: its record conflicts with that of another Pod");
    }
}

fn forget<K: Kernel>(context: &AgentContext<K>, pod: &EnrolledPod) {
    tracing::info!(%pod, "its network namespace is gone");
    if let Err(error) = context.store.forget(pod) {
        tracing::warn!(%pod, %error, "its record stays");
    }
}
