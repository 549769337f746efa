//! L4 authorization policies.

use std::fmt;
use std::sync::Arc;

use ipnet::IpNet;
use karez_api::security as wire;

use crate::object::pattern::Pattern;
use crate::rejected::{self, Reason};

/// An authorization policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its key.
    pub name: PolicyName,
    /// The workloads covered.
    pub scope: Scope,
    /// Its rules.
    pub body: Body,
}

/// The key of a policy. Its text is `namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyName {
    /// The Kubernetes namespace.
    pub namespace: Arc<str>,
    /// The object's name.
    pub name: Arc<str>,
}

/// The workloads that a policy covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Every workload.
    Mesh,
    /// The workloads of its own namespace.
    Namespace,
    /// The workloads that list it.
    Selected,
}

/// A policy's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A well-formed policy.
    Readable {
        /// The effect of a match.
        action: Action,
        /// Whether the decision has effect.
        mode: Mode,
        /// The policy matches when any rule does.
        rules: Vec<Rule>,
    },
    /// A malformed policy without a good version: everything it covers is refused.
    Unreadable,
}

/// The effect of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Admits the connection. A workload covered by such policies admits nothing else.
    Allow,
    /// Refuses the connection, whatever other policies say.
    Deny,
}

/// Whether a policy has effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It has.
    Enforce,
    /// It is only evaluated and reported.
    Audit,
}

/// Matches when every clause does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The clauses.
    pub clauses: Vec<Clause>,
}

/// Matches when any match does, or when there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// The matches.
    pub matches: Vec<Match>,
}

/// Matches when every condition holds. A match without conditions matches nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Match {
    /// The peer's namespace; empty for a peer without identity.
    pub namespaces: Condition<Pattern>,
    /// The peer's principal, `TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT`.
    pub principals: Condition<Pattern>,
    /// The peer's namespace and service account, in any trust domain.
    pub service_accounts: Condition<ServiceAccount>,
    /// The peer's address.
    pub source_ips: Condition<IpNet>,
    /// The destination's address.
    pub destination_ips: Condition<IpNet>,
    /// The destination's port: the application's, not the tunnel's.
    pub destination_ports: Condition<u16>,
}

/// The required and forbidden values of one property of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition<T> {
    /// The property has one of these, unless the list is empty.
    pub any: Vec<T>,
    /// The property has none of these.
    pub none: Vec<T>,
}

/// A service account in any trust domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its namespace.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
}

impl Policy {
    /// Parses a policy. `name` is its resource's.
    pub(crate) fn read(name: PolicyName, wire: wire::Authorization) -> Result<Self, Reason> {
        if *name.namespace != *wire.namespace || *name.name != *wire.name {
            return Err(Reason::OtherName { found: format!("{}/{}", wire.namespace, wire.name) });
        }
        let scope = Scope::read(wire.scope)?;
        if scope != Scope::Mesh {
            rejected::required("namespace", &wire.namespace)?;
        }
        if wire.unreadable {
            // The controller could not read the policy, and sends this in its place.
            return Ok(Self { name, scope, body: Body::Unreadable });
        }
        let action = match rejected::known("action", wire.action)? {
            wire::Action::Allow => Action::Allow,
            wire::Action::Deny => Action::Deny,
        };
        let mode = if wire.dry_run { Mode::Audit } else { Mode::Enforce };
        let rules = read_all(wire.rules, Rule::read)?;
        Ok(Self { name, scope, body: Body::Readable { action, mode, rules } })
    }

    /// Whether it covers every workload of the namespace.
    #[must_use]
    pub fn covers_all_of(&self, namespace: &str) -> bool {
        match self.scope {
            Scope::Mesh => true,
            Scope::Namespace => *self.name.namespace == *namespace,
            Scope::Selected => false,
        }
    }

    /// Replaces a malformed policy. `scope` is the wire's, if known.
    pub(crate) fn unreadable(name: PolicyName, scope: Option<i32>) -> Self {
        let scope = match scope.and_then(|scope| Scope::read(scope).ok()) {
            // Its namespace is unknown too. Only the whole mesh certainly includes its workloads.
            _ if name.namespace.is_empty() => Scope::Mesh,
            Some(scope) => scope,
            None => Scope::Namespace,
        };
        Self { name, scope, body: Body::Unreadable }
    }
}

impl PolicyName {
    /// The name of the policy `name` in `namespace`.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// Parses `namespace/name`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (namespace, name) = text.split_once('/')?;
        let whole = !namespace.is_empty() && !name.is_empty() && !name.contains('/');
        whole.then(|| Self::new(namespace, name))
    }

    /// The key of a resource of that name. A text other than `namespace/name` becomes the name, without a namespace.
    pub(crate) fn of_resource(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self::new("", text))
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.namespace {
            "" => f.write_str(&self.name),
            namespace => write!(f, "{namespace}/{}", self.name),
        }
    }
}

impl Scope {
    fn read(value: i32) -> Result<Self, Reason> {
        Ok(match rejected::known("scope", value)? {
            wire::Scope::Global => Self::Mesh,
            wire::Scope::Namespace => Self::Namespace,
            wire::Scope::WorkloadSelector => Self::Selected,
        })
    }
}

impl Rule {
    fn read(wire: wire::Rule) -> Result<Self, Reason> {
        Ok(Self { clauses: read_all(wire.clauses, Clause::read)? })
    }
}

impl Clause {
    fn read(wire: wire::Clause) -> Result<Self, Reason> {
        Ok(Self { matches: read_all(wire.matches, Match::read)? })
    }
}

impl Match {
    fn read(wire: wire::Match) -> Result<Self, Reason> {
        let pattern = |field| move |text| Pattern::read(field, text);
        let prefix = |field| move |net: wire::Address| rejected::prefix(field, &net.address, net.length);
        let port = |port| rejected::port("destination_ports", port);
        Ok(Self {
            namespaces: Condition::read(wire.namespaces, wire.not_namespaces, pattern("namespaces"))?,
            principals: Condition::read(wire.principals, wire.not_principals, pattern("principals"))?,
            service_accounts: Condition::read(
                wire.service_accounts,
                wire.not_service_accounts,
                ServiceAccount::read,
            )?,
            source_ips: Condition::read(wire.source_ips, wire.not_source_ips, prefix("source_ips"))?,
            destination_ips: Condition::read(
                wire.destination_ips,
                wire.not_destination_ips,
                prefix("destination_ips"),
            )?,
            destination_ports: Condition::read(wire.destination_ports, wire.not_destination_ports, port)?,
        })
    }
}

impl<T> Condition<T> {
    fn read<W>(any: Vec<W>, none: Vec<W>, read: impl Fn(W) -> Result<T, Reason>) -> Result<Self, Reason> {
        Ok(Self { any: read_all(any, &read)?, none: read_all(none, &read)? })
    }

    /// Whether it requires nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.any.is_empty() && self.none.is_empty()
    }

    /// Whether the property holds. `test` compares a value with it.
    pub fn holds(&self, test: impl Fn(&T) -> bool) -> bool {
        (self.any.is_empty() || self.any.iter().any(&test)) && !self.none.iter().any(&test)
    }
}

impl<T> Default for Condition<T> {
    fn default() -> Self {
        Self { any: Vec::new(), none: Vec::new() }
    }
}

impl ServiceAccount {
    fn read(wire: wire::ServiceAccountMatch) -> Result<Self, Reason> {
        rejected::required("service_accounts.namespace", &wire.namespace)?;
        rejected::required("service_accounts.service_account", &wire.service_account)?;
        Ok(Self { namespace: wire.namespace.into(), name: wire.service_account.into() })
    }
}

fn read_all<W, T>(wire: Vec<W>, read: impl Fn(W) -> Result<T, Reason>) -> Result<Vec<T>, Reason> {
    wire.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests;
