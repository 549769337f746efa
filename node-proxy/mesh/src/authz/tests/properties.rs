//! Properties of every mesh, policy and connection.

use proptest::prelude::*;

use super::*;
use crate::fixture::applied;
use crate::fixture::arbitrary::{any_connection, any_match, any_pod, any_policy, changes};

proptest! {
    #[test]
    fn deny_wins(changes in changes(), pod in any_pod(), connection in any_connection(), global in any::<bool>()) {
        let mut mesh = applied(changes);
        let scope = if global { Scope::Global } else { Scope::Namespace };
        let deny = Authorization { scope: scope.into(), ..policy("deny-all", Action::Deny, vec![anything()]) };
        mesh.apply(deny.into()).unwrap();
        prop_assert!(authorize(&mesh, &pod, &connection).decision.is_err());
    }

    /// However a policy is broken, it admits nobody new.
    #[test]
    fn a_rejected_policy_opens_nothing(
        changes in changes(),
        policy in any_policy(),
        pod in any_pod(),
        connection in any_connection(),
    ) {
        let before = applied(changes);
        let mut after = before.clone();
        if after.apply(policy.into()).is_err() {
            let refused = authorize(&before, &pod, &connection).decision.is_err();
            prop_assert!(!refused || authorize(&after, &pod, &connection).decision.is_err());
        }
    }

    #[test]
    fn a_rejected_policy_without_a_good_version_admits_nobody(pod in any_pod(), connection in any_connection()) {
        let mut mesh = Mesh::default();
        mesh.apply(Authorization { action: 9, ..policy("new", Action::Allow, vec![anything()]) }.into()).unwrap_err();
        prop_assert!(authorize(&mesh, &pod, &connection).decision.is_err());
    }

    #[test]
    fn an_audited_policy_changes_no_decision(
        changes in changes(),
        policy in any_policy(),
        pod in any_pod(),
        connection in any_connection(),
    ) {
        let before = applied(changes);
        let mut after = before.clone();
        let audited = Authorization { dry_run: true, unreadable: false, name: "audited".to_owned(), ..policy };
        if after.apply(audited.into()).is_ok() {
            let decision = |mesh| authorize(mesh, &pod, &connection).decision;
            prop_assert_eq!(decision(&before), decision(&after));
        }
    }

    /// A field and its negated twin are opposites, also for peers without identity.
    #[test]
    fn negation(wanted in any_match(), connection in any_connection(), field in 0..6) {
        let (plain, negated) = twins(wanted, field);
        let readable = |wanted: &Match| {
            under([]).apply(policy("read", Action::Deny, vec![rule(wanted.clone())]).into()).is_ok()
        };
        if plain != Match::default() && readable(&plain) {
            prop_assert_ne!(read(plain).matches(&connection), read(negated).matches(&connection));
        }
    }

    #[test]
    fn policies_come_in_any_order(
        (policies, shuffled) in proptest::collection::vec(any_policy(), 0..6).prop_flat_map(|mut policies| {
            policies.sort_by(|one, other| (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name)));
            policies.dedup_by(|one, other| (&one.namespace, &one.name) == (&other.namespace, &other.name));
            (Just(policies.clone()), Just(policies).prop_shuffle())
        }),
        pod in any_pod(),
        connection in any_connection(),
    ) {
        let decision = |policies: Vec<Authorization>| {
            let known = Change::from(workload("db", "10.0.0.1"));
            let mesh = applied(std::iter::once(known).chain(policies.into_iter().map(Change::from)));
            authorize(&mesh, &pod, &connection).decision.is_ok()
        };
        prop_assert_eq!(decision(policies), decision(shuffled));
    }
}

/// One field's values, and the same values negated.
fn twins(wanted: Match, field: i32) -> (Match, Match) {
    let none = Match::default;
    match field {
        0 => {
            let values = wanted.namespaces;
            (Match { namespaces: values.clone(), ..none() }, Match { not_namespaces: values, ..none() })
        }
        1 => {
            let values = wanted.principals;
            (Match { principals: values.clone(), ..none() }, Match { not_principals: values, ..none() })
        }
        2 => {
            let values = wanted.source_ips;
            (Match { source_ips: values.clone(), ..none() }, Match { not_source_ips: values, ..none() })
        }
        3 => {
            let values = wanted.destination_ips;
            (
                Match { destination_ips: values.clone(), ..none() },
                Match { not_destination_ips: values, ..none() },
            )
        }
        4 => {
            let values = wanted.destination_ports;
            (
                Match { destination_ports: values.clone(), ..none() },
                Match { not_destination_ports: values, ..none() },
            )
        }
        _ => {
            let values = wanted.service_accounts;
            (
                Match { service_accounts: values.clone(), ..none() },
                Match { not_service_accounts: values, ..none() },
            )
        }
    }
}
