//! The gRPC services behind `karez status` and `karez ca rotate`, and the one that node proxies report to.

use std::sync::Arc;
use std::time::SystemTime;

use karez_api::operator::node_reports_server::NodeReports;
use karez_api::operator::operator_server::Operator;
use karez_api::operator::{
    NodeReport, ReportReply, RootStatus, RotateRootReply, RotateRootRequest, StatusReply, StatusRequest,
};
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::{Request, Response, Status};
use tracing::error;

use super::advice::Enrolment;
use super::status::{self, Known};
use crate::ca::{Authority, ForceError, RotateError, Timestamp};
use crate::callers::{Authenticator, Bearer};
use crate::catalog::Reader;
use crate::nodes::Nodes;
use crate::publication::Published;
use crate::trust_bundle::BundleWitness;

/// Takes the reports of node proxies.
#[derive(Debug, Clone)]
pub struct ReportService {
    /// Where reports are noted.
    pub nodes: Nodes,
}

#[tonic::async_trait]
impl NodeReports for ReportService {
    async fn report(&self, request: Request<NodeReport>) -> Result<Response<ReportReply>, Status> {
        let caller = Bearer::of(request.extensions())?.node_proxy()?;
        self.nodes.report(&caller.node, request.into_inner(), Instant::now());
        Ok(Response::new(ReportReply {}))
    }
}

/// Answers the operator.
#[derive(Debug, Clone)]
pub struct OperatorService {
    /// Who may call: the nodes that there should be.
    pub authenticator: Authenticator,
    /// Who takes Pods into the mesh.
    pub enrolment: Enrolment,
    /// What nodes said.
    pub nodes: Nodes,
    /// What they are served.
    pub catalog: Reader,
    /// What became of the manifests.
    pub published: watch::Receiver<Arc<Published>>,
    /// The roots.
    pub authority: Authority,
    /// Who has the trust bundle.
    pub witness: BundleWitness,
}

#[tonic::async_trait]
impl Operator for OperatorService {
    async fn status(&self, request: Request<StatusRequest>) -> Result<Response<StatusReply>, Status> {
        Bearer::of(request.extensions())?.operator()?;
        let snapshot = self.catalog.borrow().clone();
        let published = Arc::clone(&self.published.borrow());
        let nodes = self.authenticator.nodes();
        let roots = self.roots();
        let records = self.nodes.records();
        let known = Known {
            now: Instant::now(),
            enrolment: self.enrolment,
            snapshot: snapshot.as_deref(),
            published: &published,
            nodes: &nodes,
            records: &records,
        };
        Ok(Response::new(status::reply(&known, roots)))
    }

    async fn rotate_root(
        &self,
        request: Request<RotateRootRequest>,
    ) -> Result<Response<RotateRootReply>, Status> {
        Bearer::of(request.extensions())?.operator()?;
        let left_behind = if request.get_ref().force {
            self.authority.force().await.map_err(|refused| not_forced(&refused))?
        } else {
            self.authority.rotate().await.map_err(|refused| refusal(&refused))?;
            Vec::new()
        };
        let left_behind = left_behind.iter().map(ToString::to_string).collect();
        Ok(Response::new(RotateRootReply { roots: self.roots(), left_behind }))
    }
}

impl OperatorService {
    fn roots(&self) -> Vec<RootStatus> {
        let state = Arc::clone(&self.authority.state().borrow());
        status::roots(&state, &self.witness, Timestamp::of(SystemTime::now()))
    }
}

fn not_forced(refused: &ForceError) -> Status {
    let message = refused.to_string();
    match refused {
        ForceError::NotUnderWay(_) => Status::failed_precondition(message),
        ForceError::State(_) => {
            error!(error = message, "the rotation does not go on");
            Status::unavailable(message)
        }
        ForceError::Stopping => Status::unavailable(message),
    }
}

fn refusal(refused: &RotateError) -> Status {
    let message = refused.to_string();
    match refused {
        RotateError::UnderWay(_) | RotateError::Provided => Status::failed_precondition(message),
        RotateError::State(_) => {
            error!(error = message, "no rotation");
            Status::unavailable(message)
        }
        RotateError::Stopping => Status::unavailable(message),
    }
}
