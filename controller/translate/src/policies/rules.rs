//! Rules as an L4 proxy enforces them.
//!
//! What it cannot see is taken on the strict side: in an Allow policy the alternative that needs it never matches, in a Deny
//! policy it matches without it.

use karez_api::security::string_match::MatchType;
use karez_api::security::{Address, Clause, Match, Rule, ServiceAccountMatch, StringMatch};
use karez_resources::ip_block::IpBlock;
use karez_resources::policy::{
    self, Action, Operation, Pattern, PolicyResource, Port, Principal, ServiceAccountRef, Source, Test,
    Values,
};

use super::principals::{self, Reading};

/// A field that was taken on the strict side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TakenStrictly {
    pub(super) field: String,
    pub(super) reason: String,
}

/// The rules that can match, and what was taken strictly in them.
pub(super) fn translate(policy: &PolicyResource, trust_domain: &str) -> (Vec<Rule>, Vec<TakenStrictly>) {
    let mut translator = Translator { policy, trust_domain, taken: Vec::new() };
    let rules = policy.spec.rules.iter().enumerate();
    let rules = rules.filter_map(|(at, rule)| translator.rule(rule, &format!("spec.rules[{at}]"))).collect();
    (rules, translator.taken)
}

struct Translator<'a> {
    policy: &'a PolicyResource,
    /// The mesh's own.
    trust_domain: &'a str,
    taken: Vec<TakenStrictly>,
}

/// What a list of principals names.
#[derive(Clone, Copy)]
enum Names {
    /// Peers that the rule is for.
    Peers,
    /// Peers that it is not for.
    Exceptions,
}

/// What one of a rule's parts asks for.
enum Part {
    /// Nothing that an L4 proxy could check.
    Always,
    /// One of these matches.
    Any(Clause),
    /// What cannot be had.
    Never,
}

impl Translator<'_> {
    /// None for a rule that never matches.
    fn rule(&mut self, rule: &policy::Rule, field: &str) -> Option<Rule> {
        let from = self.alternatives(
            &rule.from,
            |at| format!("{field}.from[{at}].source"),
            |from, field, translator| (from.source.layer7_field(), translator.source(&from.source, field)),
        );
        let to = self.alternatives(
            &rule.to,
            |at| format!("{field}.to[{at}].operation"),
            |to, _, _| (to.operation.layer7_field(), operation(&to.operation)),
        );
        let when: Vec<Part> = rule
            .when
            .iter()
            .enumerate()
            .map(|(at, condition)| self.condition(condition, &format!("{field}.when[{at}]")))
            .collect();
        let mut clauses = Vec::new();
        for part in [from, to].into_iter().chain(when) {
            match part {
                Part::Always => {}
                Part::Any(clause) => clauses.push(clause),
                Part::Never => return None,
            }
        }
        Some(Rule { clauses })
    }

    /// `from` or `to`: any of its alternatives; none written means anything.
    fn alternatives<T>(
        &mut self,
        written: &[T],
        field: impl Fn(usize) -> String,
        translate: impl Fn(&T, &str, &mut Self) -> (Option<&'static str>, Match),
    ) -> Part {
        if written.is_empty() {
            return Part::Always;
        }
        let mut matches = Vec::new();
        let mut always = false;
        for (at, alternative) in written.iter().enumerate() {
            let field = field(at);
            let (layer7, seen) = translate(alternative, &field, self);
            if let Some(name) = layer7 {
                self.leave_to_waypoint(format!("{field}.{name}"));
            }
            match (layer7, self.policy.spec.action) {
                (Some(_), Action::Allow) => {}
                // On the wire, a match without a field matches nothing; here it has lost its fields, and must match.
                (Some(_), Action::Deny) if seen == Match::default() => always = true,
                (_, Action::Allow | Action::Deny) => matches.push(seen),
            }
        }
        match matches.is_empty() {
            _ if always => Part::Always,
            true => Part::Never,
            false => Part::Any(Clause { matches }),
        }
    }

    fn condition(&mut self, condition: &policy::Condition, field: &str) -> Part {
        let mut one = Match::default();
        match condition.test() {
            Test::SourceIp(Values { values, not_values }) => {
                (one.source_ips, one.not_source_ips) = (addresses(values), addresses(not_values));
            }
            Test::DestinationIp(Values { values, not_values }) => {
                (one.destination_ips, one.not_destination_ips) = (addresses(values), addresses(not_values));
            }
            Test::DestinationPort(Values { values, not_values }) => {
                (one.destination_ports, one.not_destination_ports) = (ports(values), ports(not_values));
            }
            Test::SourceNamespace(Values { values, not_values }) => {
                (one.namespaces, one.not_namespaces) = (texts(values), texts(not_values));
            }
            Test::SourcePrincipal(Values { values, not_values }) => {
                one.principals = self.principals(values, &format!("{field}.values"), Names::Peers);
                one.not_principals =
                    self.principals(not_values, &format!("{field}.notValues"), Names::Exceptions);
            }
            Test::SourceServiceAccount(Values { values, not_values }) => {
                one.service_accounts = self.service_accounts(values);
                one.not_service_accounts = self.service_accounts(not_values);
            }
            Test::Layer7 => {
                self.leave_to_waypoint(format!("{field}.key"));
                return match self.policy.spec.action {
                    Action::Allow => Part::Never,
                    Action::Deny => Part::Always,
                };
            }
        }
        Part::Any(Clause { matches: vec![one] })
    }

    fn source(&mut self, source: &Source, field: &str) -> Match {
        Match {
            principals: self.principals(&source.principals, &format!("{field}.principals"), Names::Peers),
            not_principals: self.principals(
                &source.not_principals,
                &format!("{field}.notPrincipals"),
                Names::Exceptions,
            ),
            namespaces: texts(&source.namespaces),
            not_namespaces: texts(&source.not_namespaces),
            service_accounts: self.service_accounts(&source.service_accounts),
            not_service_accounts: self.service_accounts(&source.not_service_accounts),
            source_ips: addresses(&source.ip_blocks),
            not_source_ips: addresses(&source.not_ip_blocks),
            ..Match::default()
        }
    }

    fn service_accounts(&self, written: &[ServiceAccountRef]) -> Vec<ServiceAccountMatch> {
        let one = |account: &ServiceAccountRef| ServiceAccountMatch {
            namespace: account.namespace.as_ref().unwrap_or(&self.policy.namespace).clone(),
            service_account: account.name.clone(),
        };
        written.iter().map(one).collect()
    }

    fn principals(&mut self, written: &[Principal], field: &str, names: Names) -> Vec<StringMatch> {
        let closes = match names {
            Names::Peers => self.policy.spec.action == Action::Deny,
            Names::Exceptions => self.policy.spec.action == Action::Allow,
        };
        let mut matches = Vec::new();
        for (at, principal) in written.iter().enumerate() {
            matches.push(text(match principals::read(principal.pattern(), self.trust_domain) {
                Reading::Own(pattern) => pattern,
                Reading::Foreign { domain, as_own } => {
                    self.report_foreign(format!("{field}[{at}]"), &domain, closes);
                    if closes { as_own } else { principal.pattern().clone() }
                }
            }));
        }
        matches
    }

    fn report_foreign(&mut self, field: String, domain: &str, closes: bool) {
        let own = self.trust_domain;
        let taken = if closes { "it is taken for that one" } else { "no peer matches it" };
        let reason = format!("trust domain {domain:?} is not the mesh's own, {own:?}: {taken}");
        self.taken.push(TakenStrictly { field, reason });
    }

    fn leave_to_waypoint(&mut self, field: String) {
        let reason = match self.policy.spec.action {
            Action::Allow => "needs a waypoint: what an L4 proxy cannot check, it does not allow",
            Action::Deny => "needs a waypoint: an L4 proxy denies without regard to it",
        };
        self.taken.push(TakenStrictly { field, reason: reason.to_owned() });
    }
}

fn operation(operation: &Operation) -> Match {
    Match {
        destination_ports: ports(&operation.ports),
        not_destination_ports: ports(&operation.not_ports),
        ..Match::default()
    }
}

fn ports(ports: &[Port]) -> Vec<u32> {
    ports.iter().map(|port| port.number().into()).collect()
}

fn addresses(blocks: &[IpBlock]) -> Vec<Address> {
    let one = |block: &IpBlock| Address {
        address: crate::services::octets(block.net().addr()),
        length: block.net().prefix_len().into(),
    };
    blocks.iter().map(one).collect()
}

fn texts(patterns: &[Pattern]) -> Vec<StringMatch> {
    patterns.iter().cloned().map(text).collect()
}

fn text(pattern: Pattern) -> StringMatch {
    StringMatch {
        match_type: Some(match pattern {
            Pattern::Exact(whole) => MatchType::Exact(whole),
            Pattern::Prefix(prefix) => MatchType::Prefix(prefix),
            Pattern::Suffix(suffix) => MatchType::Suffix(suffix),
            Pattern::Present => MatchType::Presence(()),
        }),
    }
}
