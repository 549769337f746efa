//! Admits an inbound connection of a Pod, by tunnel or without, and connects to the Pod's application.

use std::rc::Rc;
use std::time::Duration;

use karez_api::outcome::{Failure, Outcome, Refusal, Side};
use karez_hbone::admission::Admission;
use karez_hbone::describe;
use karez_hbone::live::{Dialled, Ending, Registration};
use karez_mesh::authz::{self, AuditHit};
use karez_mesh::plan::{self, InboundPeer, InboundPlan};
use tokio::net::TcpStream;

use crate::dial;
use crate::pod::Pod;
use crate::share::Share;
use crate::worker::Worker;

/// How long a connection to a Pod waits for the configuration to know the Pod.
const KNOWN_WAIT: Duration = Duration::from_secs(5);

/// A connection joined to its application.
#[derive(Debug)]
pub(crate) struct Joined {
    /// The application's end.
    pub(crate) application: TcpStream,
    /// Its entry in the worker's register.
    pub(crate) registration: Registration<Pod>,
    /// When the mesh ends it.
    pub(crate) ending: Ending,
}

/// Registers the connection, asks the policies, and connects to the application, unless the client gives up first.
///
/// # Errors
/// The reason. The record is already finished with it.
pub(crate) async fn join(
    share: &Rc<Share>,
    admission: &Admission,
    given_up: impl Future<Output = ()>,
) -> Result<Joined, Outcome> {
    let record = share.worker.telemetry.open(describe::arriving(admission));
    let planned = match plan(&share.worker, &share.pod, admission) {
        Ok(planned) => planned,
        Err(refusal) => {
            record.finish(refusal.clone());
            return Err(refusal.into());
        }
    };
    let (registration, mut ending) = share.worker.live.register(&share.pod, record, Dialled::ByFar);
    registration.admitted_to(&share.pod, planned.connection.clone());
    registration.record.describe(|flow| {
        describe::inbound(flow, &share.worker.mesh(), &share.pod.member, &planned, admission);
    });
    let joined = async {
        authorize_once_known(&share.worker, &share.pod, &planned).await?;
        Ok::<_, Outcome>(dial::application(&share.pod.stock, planned.dial, admission.client.ip()).await?)
    };
    let joined = tokio::select! {
        joined = joined => joined,
        refusal = ending.reached() => Err(refusal.into()),
        () = given_up => Err(Failure::Reset(Side::Client).into()),
    };
    match joined {
        Ok(application) => Ok(Joined { application, registration, ending }),
        Err(outcome) => {
            registration.record.finish(outcome.clone());
            Err(outcome)
        }
    }
}

/// Plans the connection. Policies decide afterwards.
pub(crate) fn plan(worker: &Worker, pod: &Pod, admission: &Admission) -> Result<InboundPlan, Refusal> {
    let peer = InboundPeer { identity: admission.peer.clone(), address: admission.client };
    plan::inbound(&worker.mesh(), &pod.member.local, admission.target, &peer)
}

/// Asks the policies. The connection must be registered, so that a change from here on finds it.
pub(crate) fn authorize(worker: &Worker, pod: &Pod, planned: &InboundPlan) -> Result<(), Refusal> {
    let verdict = authz::authorize(&worker.mesh(), &pod.member.local, &planned.connection);
    for hit in &verdict.audited {
        note_audit(pod, planned, hit);
    }
    verdict.decision
}

/// The same, but waits a short time for the configuration to know the Pod: the agent is faster than the API.
async fn authorize_once_known(worker: &Worker, pod: &Pod, planned: &InboundPlan) -> Result<(), Refusal> {
    let mut meshes = worker.meshes();
    let known = async {
        loop {
            meshes.mark_unchanged();
            let decided = authorize(worker, pod, planned);
            if decided != Err(Refusal::NotConfigured) || meshes.changed().await.is_err() {
                return decided;
            }
        }
    };
    tokio::time::timeout(KNOWN_WAIT, known).await.unwrap_or(Err(Refusal::NotConfigured))
}

fn note_audit(pod: &Pod, planned: &InboundPlan, hit: &AuditHit) {
    let AuditHit { policy, finding } = hit;
    let connection = &planned.connection;
    let peer = connection.identity.as_ref().map_or("plaintext".to_owned(), ToString::to_string);
    tracing::info!(
        target: "audit",
        %policy, ?finding, pod = %pod.enrolled, %peer, source = %connection.source,
        destination = %connection.destination, "what a policy in audit mode would have said"
    );
}
