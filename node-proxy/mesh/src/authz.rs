//! Decides whether a peer may connect to a Pod.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use karez_api::identity::Identity;
use karez_api::names::STRICT_POLICY;
use karez_api::outcome::Refusal;

use crate::object::policy::{Action, Body, Clause, Match, Mode, Policy, PolicyName, Rule, ServiceAccount};
use crate::object::workload::Workload;
use crate::pod::LocalPod;
use crate::state::Mesh;

/// Most policies that a refusal names: its text goes into a log line.
const MOST_NAMED: usize = 4;

/// The properties of a connection that policies can match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The identity proven by the peer's certificate; `None` for plaintext.
    pub identity: Option<Identity>,
    /// The peer's address.
    pub source: IpAddr,
    /// The application's address, not the tunnel's.
    pub destination: SocketAddr,
}

/// The policies' decision on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the connection is admitted.
    pub decision: Result<(), Refusal>,
    /// Decisions of policies in audit mode, which have no effect.
    pub audited: Vec<AuditHit>,
}

/// A decision of a policy in audit mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHit {
    /// The policy.
    pub policy: PolicyName,
    /// Its decision.
    pub finding: Finding,
}

/// The hypothetical decision of a policy in audit mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// A Deny policy matches and would have refused.
    WouldDeny,
    /// An Allow policy matches and would have admitted.
    WouldAllow,
    /// An Allow policy does not match and alone would have refused.
    WouldNotAllow,
}

/// Decides whether a peer may connect to `destination`.
///
/// All policies that cover the Pod count: the mesh's, its namespace's, and those that select it.
/// 1. A Deny policy matches, or a policy is unreadable: refused.
/// 2. There is no Allow policy, or one matches: admitted.
/// 3. Otherwise refused.
///
/// On a permissive port of the Pod, strict mode does not count: a peer without an identity is judged by the other policies.
///
/// While the mesh does not know the Pod, it does not know the selecting policies. Connections that pass rule 1 are then
/// refused with [`Refusal::NotConfigured`].
#[must_use]
pub fn authorize(mesh: &Mesh, destination: &LocalPod, connection: &Connection) -> Verdict {
    let workload = destination.workload(mesh);
    let policies = || covering(mesh, destination, workload.map(|workload| &**workload));
    let is_exempt = is_exempt(workload.map(|workload| &**workload), connection);
    let mut tally = Tally::default();
    for policy in policies().filter(|policy| !(is_exempt && is_strict_mode(policy))) {
        tally.count(policy, connection, &destination.namespace);
    }
    Verdict { decision: tally.decision(workload.is_some(), policies()), audited: tally.audited }
}

/// Whether strict mode does not count for the connection.
fn is_exempt(workload: Option<&Workload>, connection: &Connection) -> bool {
    connection.identity.is_none() && permissive_ports(workload).contains(&connection.destination.port())
}

fn permissive_ports(workload: Option<&Workload>) -> &[u16] {
    workload.map_or(&[], |workload| &workload.permissive_ports)
}

/// Whether the policy is the form in which strict mode comes.
fn is_strict_mode(policy: &Policy) -> bool {
    *policy.name.name == *STRICT_POLICY
}

/// Whether the same policies cover `pod` in both meshes, with the same exemptions. If so, admitted connections need no new
/// decision.
#[must_use]
pub fn same_policies(before: &Mesh, after: &Mesh, pod: &LocalPod) -> bool {
    let (earlier, later) = (pod.workload(before), pod.workload(after));
    earlier.is_some() == later.is_some()
        && permissive_ports(earlier.map(|workload| &**workload))
            == permissive_ports(later.map(|workload| &**workload))
        && covering(before, pod, earlier.map(|workload| &**workload)).map(Arc::as_ptr).eq(covering(
            after,
            pod,
            later.map(|workload| &**workload),
        )
        .map(Arc::as_ptr))
}

fn covering<'a>(
    mesh: &'a Mesh,
    pod: &'a LocalPod,
    workload: Option<&'a Workload>,
) -> impl Iterator<Item = &'a Arc<Policy>> {
    let selecting = workload.map_or(&[][..], |workload| &workload.policies);
    mesh.policies.covering(&pod.namespace, selecting)
}

/// The policies' decisions so far.
#[derive(Default)]
struct Tally {
    refused: Option<Refusal>,
    allow: Allow,
    audited: Vec<AuditHit>,
}

/// The Allow policies' decisions so far.
#[derive(Default, PartialEq, Eq, PartialOrd, Ord)]
enum Allow {
    #[default]
    NoPolicy,
    NoMatch,
    Match,
}

impl Tally {
    fn count(&mut self, policy: &Policy, connection: &Connection, namespace: &str) {
        let Body::Readable { action, mode, rules } = &policy.body else {
            let unreadable = || Refusal::UnreadablePolicy { policy: policy.name.to_string() };
            self.refused.get_or_insert_with(unreadable);
            return;
        };
        let matched = rules.iter().any(|rule| rule.matches(connection));
        match (mode, action) {
            (Mode::Enforce, Action::Deny) if matched => {
                self.refused.get_or_insert_with(|| denied(policy, connection, namespace));
            }
            (Mode::Enforce, Action::Deny) => {}
            (Mode::Enforce, Action::Allow) => {
                let said = if matched { Allow::Match } else { Allow::NoMatch };
                self.allow = std::mem::take(&mut self.allow).max(said);
            }
            (Mode::Audit, action) => {
                let finding = finding(*action, matched);
                let hit = |finding| AuditHit { policy: policy.name.clone(), finding };
                self.audited.extend(finding.map(hit));
            }
        }
    }

    fn decision<'a>(
        &mut self,
        workload_known: bool,
        policies: impl Iterator<Item = &'a Arc<Policy>>,
    ) -> Result<(), Refusal> {
        if let Some(refusal) = self.refused.take() {
            return Err(refusal);
        }
        match self.allow {
            _ if !workload_known => Err(Refusal::NotConfigured),
            Allow::NoPolicy | Allow::Match => Ok(()),
            Allow::NoMatch => Err(not_allowed(policies)),
        }
    }
}

fn not_allowed<'a>(policies: impl Iterator<Item = &'a Arc<Policy>>) -> Refusal {
    let enforced_allow =
        |body: &Body| matches!(body, Body::Readable { action: Action::Allow, mode: Mode::Enforce, .. });
    let asked = policies.filter(|policy| enforced_allow(&policy.body));
    let mut policies: Vec<_> = asked.map(|policy| policy.name.to_string()).collect();
    policies.sort_unstable();
    policies.truncate(MOST_NAMED);
    Refusal::NotAllowed { policies }
}

fn denied(policy: &Policy, connection: &Connection, namespace: &str) -> Refusal {
    if is_strict_mode(policy) && connection.identity.is_none() {
        Refusal::PlaintextInStrictMode { namespace: namespace.to_owned() }
    } else {
        Refusal::DeniedByPolicy { policy: policy.name.to_string() }
    }
}

fn finding(action: Action, matched: bool) -> Option<Finding> {
    match (action, matched) {
        (Action::Deny, true) => Some(Finding::WouldDeny),
        (Action::Deny, false) => None,
        (Action::Allow, true) => Some(Finding::WouldAllow),
        (Action::Allow, false) => Some(Finding::WouldNotAllow),
    }
}

impl Rule {
    /// Whether it matches the connection.
    #[must_use]
    pub fn matches(&self, connection: &Connection) -> bool {
        self.clauses.iter().all(|clause| clause.matches(connection))
    }
}

impl Clause {
    /// Whether it matches the connection.
    #[must_use]
    pub fn matches(&self, connection: &Connection) -> bool {
        self.matches.is_empty() || self.matches.iter().any(|wanted| wanted.matches(connection))
    }
}

impl Match {
    /// Whether it matches the connection.
    #[must_use]
    pub fn matches(&self, connection: &Connection) -> bool {
        let identity = connection.identity.as_ref();
        let namespace = identity.map_or("", Identity::namespace);
        let target = connection.destination;
        !self.is_empty()
            && self.destination_ports.holds(|port| *port == target.port())
            && self.namespaces.holds(|pattern| pattern.matches(namespace))
            && self.principals.holds(|pattern| identity.is_some_and(|id| pattern.matches_principal(id)))
            && self.service_accounts.holds(|account| identity.is_some_and(|id| account.is_of(id)))
            && self.source_ips.holds(|net| net.contains(&connection.source))
            && self.destination_ips.holds(|net| net.contains(&target.ip()))
    }

    fn is_empty(&self) -> bool {
        self.namespaces.is_empty()
            && self.principals.is_empty()
            && self.service_accounts.is_empty()
            && self.source_ips.is_empty()
            && self.destination_ips.is_empty()
            && self.destination_ports.is_empty()
    }
}

impl ServiceAccount {
    fn is_of(&self, identity: &Identity) -> bool {
        *self.namespace == *identity.namespace() && *self.name == *identity.service_account()
    }
}

#[cfg(test)]
mod tests;
