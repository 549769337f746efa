use karez_api::names::STRICT_POLICY;
use karez_api::outcome::Refusal;
use karez_api::security::{Action, Authorization, Clause, Match, Rule, Scope};
use karez_api::workload::Workload;

use super::*;
use crate::fixture::{
    account, anything, at, exact, ip, mesh, net, pod, policy, policy_name, prefix, present, rule, suffix,
    workload,
};
use crate::object::policy as object;
use crate::{Change, Mesh};

mod properties;

/// From 10.0.0.2 to 10.0.0.1:8080.
fn connection(identity: Option<&str>) -> Connection {
    Connection {
        identity: identity.map(|text| format!("spiffe://{text}").parse().unwrap()),
        source: ip("10.0.0.2"),
        destination: at("10.0.0.1:8080"),
    }
}

fn web() -> Connection {
    connection(Some("cluster.local/ns/shop/sa/web"))
}

fn stranger() -> Connection {
    connection(Some("other.example/ns/bank/sa/teller"))
}

fn plaintext() -> Connection {
    connection(None)
}

/// The Pod `db` at 10.0.0.1, known to the mesh, with these policies.
fn under(policies: impl IntoIterator<Item = Authorization>) -> Mesh {
    let db = Change::from(workload("db", "10.0.0.1"));
    mesh(std::iter::once(db).chain(policies.into_iter().map(Change::from)))
}

fn decide(mesh: &Mesh, connection: &Connection) -> Result<(), Refusal> {
    authorize(mesh, &pod("db", "10.0.0.1"), connection).decision
}

fn read(wanted: Match) -> object::Match {
    let mesh = under([policy("read", Action::Deny, vec![rule(wanted)])]);
    let Body::Readable { rules, .. } = mesh.policy(&policy_name("read")).unwrap().body.clone() else {
        panic!("unreadable")
    };
    rules[0].clauses[0].matches[0].clone()
}

/// Each kind of value, tested on a peer of the mesh, one of another trust domain, and one without identity.
#[test]
fn one_field() {
    let principal = |text| Match { principals: vec![text], ..Match::default() };
    let namespace = |text| Match { namespaces: vec![text], ..Match::default() };
    let account =
        |namespace, name| Match { service_accounts: vec![account(namespace, name)], ..Match::default() };
    let source = |text| Match { source_ips: vec![net(text)], ..Match::default() };
    let destination = |text| Match { destination_ips: vec![net(text)], ..Match::default() };
    let port = |port| Match { destination_ports: vec![port], ..Match::default() };
    let table = [
        (principal(exact("cluster.local/ns/shop/sa/web")), [true, false, false]),
        (principal(exact("spiffe://cluster.local/ns/shop/sa/web")), [false, false, false]),
        (principal(exact("cluster.local/ns/shop/sa/webs")), [false, false, false]),
        (principal(exact("")), [false, false, false]),
        (principal(prefix("cluster.local/ns/sh")), [true, false, false]),
        (principal(prefix("")), [true, true, false]),
        (principal(suffix("/sa/teller")), [false, true, false]),
        (principal(suffix("p/sa/web")), [true, false, false]),
        (principal(present()), [true, true, false]),
        (namespace(exact("shop")), [true, false, false]),
        (namespace(prefix("ba")), [false, true, false]),
        (namespace(suffix("op")), [true, false, false]),
        // Without identity the namespace is empty.
        (namespace(exact("")), [false, false, true]),
        (namespace(prefix("")), [true, true, true]),
        (namespace(present()), [true, true, false]),
        (account("shop", "web"), [true, false, false]),
        // In any trust domain.
        (account("bank", "teller"), [false, true, false]),
        (account("bank", "web"), [false, false, false]),
        (source("10.0.0.2/32"), [true, true, true]),
        (source("10.0.0.0/31"), [false, false, false]),
        (source("::/0"), [false, false, false]),
        (source("::ffff:10.0.0.0/104"), [true, true, true]),
        (destination("10.0.0.0/30"), [true, true, true]),
        (destination("10.0.0.2/32"), [false, false, false]),
        (port(8080), [true, true, true]),
        // The tunnel's port is not the destination's.
        (port(15008), [false, false, false]),
        (Match::default(), [false, false, false]),
    ];
    for (wanted, expected) in table {
        let read = read(wanted.clone());
        let found = [web(), stranger(), plaintext()].map(|connection| read.matches(&connection));
        assert_eq!(found, expected, "{wanted:?}");
    }
}

/// The negated twin of each field, tested on the same three peers.
#[test]
fn one_negated_field() {
    let table = [
        (
            Match { not_principals: vec![exact("cluster.local/ns/shop/sa/web")], ..Match::default() },
            [false, true, true],
        ),
        // Strict mode, as Istio's control plane writes it.
        (Match { not_principals: vec![present()], ..Match::default() }, [false, false, true]),
        (Match { not_namespaces: vec![exact("shop")], ..Match::default() }, [false, true, true]),
        (Match { not_namespaces: vec![present()], ..Match::default() }, [false, false, true]),
        (
            Match { not_service_accounts: vec![account("bank", "teller")], ..Match::default() },
            [true, false, true],
        ),
        (Match { not_source_ips: vec![net("10.0.0.2/32")], ..Match::default() }, [false, false, false]),
        (Match { not_destination_ips: vec![net("10.0.0.2/32")], ..Match::default() }, [true, true, true]),
        (Match { not_destination_ports: vec![80, 8080], ..Match::default() }, [false, false, false]),
    ];
    for (wanted, expected) in table {
        let read = read(wanted.clone());
        let found = [web(), stranger(), plaintext()].map(|connection| read.matches(&connection));
        assert_eq!(found, expected, "{wanted:?}");
    }
}

/// One value of a field suffices; all fields, and a field with its twin, must hold.
#[test]
fn several_fields() {
    let both = Match {
        namespaces: vec![exact("bank"), exact("shop")],
        destination_ports: vec![8080],
        not_principals: vec![suffix("/sa/teller")],
        ..Match::default()
    };
    let found = [web(), stranger(), plaintext()].map(|connection| read(both.clone()).matches(&connection));
    assert_eq!(found, [true, false, false]);
}

/// Any rule matches; a rule needs all its clauses; a clause needs any match.
#[test]
fn structure() {
    let port = |port| Match { destination_ports: vec![port], ..Match::default() };
    let (yes, no) = (port(8080), port(81));
    let clause = |matches: &[&Match]| Clause { matches: matches.iter().map(|one| (*one).clone()).collect() };
    let rule = |clauses: &[Clause]| Rule { clauses: clauses.to_vec() };
    let nothing = Match::default();
    let table = [
        ("no rule never matches", vec![], false),
        ("a rule without clauses always does", vec![rule(&[])], true),
        ("a clause without matches always does", vec![rule(&[clause(&[])])], true),
        ("a match without fields is passed over", vec![rule(&[clause(&[&nothing])])], false),
        ("... and does not spoil the others", vec![rule(&[clause(&[&nothing, &yes])])], true),
        ("any match of a clause", vec![rule(&[clause(&[&no, &yes])])], true),
        ("no match of a clause", vec![rule(&[clause(&[&no, &no])])], false),
        ("all clauses of a rule", vec![rule(&[clause(&[&yes]), clause(&[&no])])], false),
        ("both clauses of a rule", vec![rule(&[clause(&[&yes]), clause(&[])])], true),
        ("any rule", vec![rule(&[clause(&[&no])]), rule(&[clause(&[&yes])])], true),
    ];
    for (what, rules, matches) in table {
        let mesh = under([policy("structure", Action::Deny, rules)]);
        assert_eq!(decide(&mesh, &web()).is_err(), matches, "{what}");
    }
}

/// The order of decision, Deny before Allow, and the refusal that follows.
#[test]
fn order_of_decision() {
    let from_web = || rule(Match { principals: vec![suffix("/sa/web")], ..Match::default() });
    let allow_web = || policy("allow-web", Action::Allow, vec![from_web()]);
    let deny_web = || policy("deny-web", Action::Deny, vec![from_web()]);
    let allow_nobody = || policy("allow-nobody", Action::Allow, vec![]);
    let deny_nobody = || policy("deny-nobody", Action::Deny, vec![]);
    let denied = |name: &str| Err(Refusal::DeniedByPolicy { policy: format!("shop/{name}") });
    let not_allowed = |names: &[&str]| {
        Err(Refusal::NotAllowed { policies: names.iter().map(|name| format!("shop/{name}")).collect() })
    };
    let table = [
        (vec![], Ok(()), Ok(())),
        (vec![deny_nobody()], Ok(()), Ok(())),
        (vec![allow_nobody()], not_allowed(&["allow-nobody"]), not_allowed(&["allow-nobody"])),
        (vec![allow_web()], Ok(()), not_allowed(&["allow-web"])),
        (vec![allow_web(), allow_nobody()], Ok(()), not_allowed(&["allow-nobody", "allow-web"])),
        (vec![deny_web()], denied("deny-web"), Ok(())),
        (vec![allow_web(), deny_web()], denied("deny-web"), not_allowed(&["allow-web"])),
        (vec![deny_web(), allow_web(), deny_nobody()], denied("deny-web"), not_allowed(&["allow-web"])),
    ];
    for (policies, to_web, to_stranger) in table {
        let names: Vec<_> = policies.iter().map(|policy| policy.name.clone()).collect();
        let mesh = under(policies);
        assert_eq!(decide(&mesh, &web()), to_web, "web under {names:?}");
        assert_eq!(decide(&mesh, &stranger()), to_stranger, "stranger under {names:?}");
    }
}

#[test]
fn what_covers_a_pod() {
    let deny = |namespace: &str, scope: Scope| Authorization {
        namespace: namespace.to_owned(),
        scope: scope.into(),
        ..policy("deny", Action::Deny, vec![anything()])
    };
    let selected_by = |names: &[&str]| {
        let mut db = workload("db", "10.0.0.1");
        db.authorization_policies = names.iter().map(|name| (*name).to_owned()).collect();
        db
    };
    let table = [
        ("its namespace's", deny("shop", Scope::Namespace), &[][..], false),
        ("another namespace's", deny("bank", Scope::Namespace), &[], true),
        ("the mesh's", deny("root", Scope::Global), &[], false),
        ("one that selects it", deny("shop", Scope::WorkloadSelector), &["shop/deny"], false),
        ("one that selects others", deny("shop", Scope::WorkloadSelector), &["shop/other"], true),
        ("of another namespace, but selecting", deny("bank", Scope::Namespace), &["bank/deny"], false),
    ];
    for (what, policy, names, admitted) in table {
        let mesh = mesh([policy.into(), selected_by(names).into()]);
        assert_eq!(decide(&mesh, &web()).is_ok(), admitted, "{what}");
    }
}

#[test]
fn strict_mode_has_its_own_words() {
    let no_principal = Match { not_principals: vec![present()], ..Match::default() };
    let mesh = under([policy(STRICT_POLICY, Action::Deny, vec![rule(no_principal)])]);
    assert_eq!(decide(&mesh, &web()), Ok(()));
    let namespace = "shop".to_owned();
    assert_eq!(decide(&mesh, &plaintext()), Err(Refusal::PlaintextInStrictMode { namespace }));
    // A policy of that name that refuses a peer with an identity is not strict mode.
    let everybody = under([policy(STRICT_POLICY, Action::Deny, vec![anything()])]);
    assert!(matches!(decide(&everybody, &web()), Err(Refusal::DeniedByPolicy { .. })));
}

/// Strict mode, and the Pod `db` with its permissive ports.
fn strict_but_for(ports: &[u32], others: impl IntoIterator<Item = Authorization>) -> Mesh {
    let no_principal = Match { not_principals: vec![present()], ..Match::default() };
    let mut mesh =
        under(others.into_iter().chain([policy(STRICT_POLICY, Action::Deny, vec![rule(no_principal)])]));
    let db = Workload { permissive_ports: ports.to_vec(), ..workload("db", "10.0.0.1") };
    mesh.apply(db.into()).unwrap();
    mesh
}

#[test]
fn a_permissive_port_is_exempt_from_strict_mode_and_from_no_policy() {
    let refused = |mesh: &Mesh, connection: &Connection| decide(mesh, connection).is_err();
    assert!(!refused(&strict_but_for(&[9090, 8080], []), &plaintext()));
    assert!(refused(&strict_but_for(&[9090], []), &plaintext()), "another port");
    assert!(!refused(&strict_but_for(&[9090], []), &web()));

    let ports = |port: u32| Match { destination_ports: vec![port], ..Match::default() };
    let from_web = Match { principals: vec![suffix("/sa/web")], ..Match::default() };
    let table = [
        ("a Deny of its port", policy("it", Action::Deny, vec![rule(ports(8080))]), true),
        ("an Allow that names a caller", policy("it", Action::Allow, vec![rule(from_web)]), true),
        ("an Allow of its port", policy("it", Action::Allow, vec![rule(ports(8080))]), false),
    ];
    for (what, policy, expected) in table {
        assert_eq!(refused(&strict_but_for(&[8080], [policy]), &plaintext()), expected, "{what}");
    }
    let unreadable = Authorization { unreadable: true, ..policy("it", Action::Deny, vec![]) };
    assert!(refused(&strict_but_for(&[8080], [unreadable]), &plaintext()), "a policy that cannot be read");
}

#[test]
fn audit_is_reported_and_never_counts() {
    let audit = |policy: Authorization| Authorization { dry_run: true, ..policy };
    let from_web = || vec![rule(Match { principals: vec![suffix("/sa/web")], ..Match::default() })];
    let mesh = under([
        audit(policy("deny", Action::Deny, from_web())),
        audit(policy("allow", Action::Allow, from_web())),
    ]);
    let findings = |connection: &Connection| {
        let verdict = authorize(&mesh, &pod("db", "10.0.0.1"), connection);
        assert_eq!(verdict.decision, Ok(()));
        let mut hits: Vec<_> =
            verdict.audited.into_iter().map(|hit| (hit.policy.name.to_string(), hit.finding)).collect();
        hits.sort_by(|one, other| one.0.cmp(&other.0));
        hits
    };
    let hit = |name: &str, finding| (name.to_owned(), finding);
    assert_eq!(findings(&web()), [hit("allow", Finding::WouldAllow), hit("deny", Finding::WouldDeny)]);
    assert_eq!(findings(&plaintext()), [hit("allow", Finding::WouldNotAllow)]);
}

#[test]
fn a_policy_that_covers_a_pod_twice_is_heard_once() {
    let mut db = workload("db", "10.0.0.1");
    db.authorization_policies.push("shop/audited".to_owned());
    let audited = Authorization { dry_run: true, ..policy("audited", Action::Deny, vec![anything()]) };
    let mesh = mesh([db.into(), audited.into()]);
    assert_eq!(authorize(&mesh, &pod("db", "10.0.0.1"), &web()).audited.len(), 1);
}

#[test]
fn a_pod_that_the_mesh_does_not_know() {
    let deny_plaintext = || {
        policy(
            "deny",
            Action::Deny,
            vec![rule(Match { not_principals: vec![present()], ..Match::default() })],
        )
    };
    let mesh = mesh([deny_plaintext().into()]);
    // A refusal by the namespace keeps its reason; for the rest the decision is unknown.
    assert!(matches!(decide(&mesh, &plaintext()), Err(Refusal::DeniedByPolicy { .. })));
    assert_eq!(decide(&mesh, &web()), Err(Refusal::NotConfigured));
    // The workload of an earlier Pod of that name must not count.
    let earlier = Change::from(workload("db", "10.0.0.77"));
    assert_eq!(decide(&crate::fixture::mesh([earlier]), &web()), Err(Refusal::NotConfigured));
}

#[test]
fn an_unreadable_policy_refuses_what_it_covers() {
    let broken = |scope: i32| Authorization { scope, action: 9, ..policy("broken", Action::Allow, vec![]) };
    let selecting = |names: &[&str]| {
        let mut db = workload("db", "10.0.0.1");
        db.authorization_policies = names.iter().map(|name| (*name).to_owned()).collect();
        db
    };
    let unreadable = || Err(Refusal::UnreadablePolicy { policy: "shop/broken".to_owned() });
    let table = [
        (Scope::Namespace.into(), &[][..], unreadable()),
        (Scope::Global.into(), &[], unreadable()),
        (Scope::WorkloadSelector.into(), &["shop/broken"], unreadable()),
        (Scope::WorkloadSelector.into(), &[], Ok(())),
        // Without a readable scope: its namespace.
        (9, &[], unreadable()),
    ];
    for (scope, names, expected) in table {
        let mut mesh = mesh([selecting(names).into()]);
        mesh.apply(broken(scope).into()).unwrap_err();
        assert_eq!(decide(&mesh, &web()), expected, "scope {scope}, selected by {names:?}");
    }
}

#[test]
fn the_controller_may_say_that_a_policy_is_unreadable() {
    // A proxy that ignores the field sees a Deny of everything.
    let stand_in = Authorization { unreadable: true, ..policy("broken", Action::Deny, vec![anything()]) };
    let unreadable = Refusal::UnreadablePolicy { policy: "shop/broken".to_owned() };
    assert_eq!(decide(&under([stand_in]), &web()), Err(unreadable));
}

#[test]
fn a_policy_keeps_its_last_good_version() {
    let allow_web = || {
        policy(
            "kept",
            Action::Allow,
            vec![rule(Match { principals: vec![suffix("/sa/web")], ..Match::default() })],
        )
    };
    let mut mesh = under([allow_web()]);
    mesh.apply(Authorization { action: 9, ..allow_web() }.into()).unwrap_err();
    mesh.apply(Change::UndecodableAuthorization { name: "shop/kept".to_owned() }).unwrap();
    assert_eq!(decide(&mesh, &web()), Ok(()));
    assert_eq!(
        decide(&mesh, &plaintext()),
        Err(Refusal::NotAllowed { policies: vec!["shop/kept".to_owned()] })
    );
}

#[test]
fn same_policies_tells_what_must_be_asked_again() {
    let db = pod("db", "10.0.0.1");
    let before = under([policy("one", Action::Allow, vec![])]);
    let after = |changes: Vec<Change>| {
        let mut after = before.clone();
        for change in changes {
            after.apply(change).unwrap();
        }
        after
    };
    let selected = || workload("db", "10.0.0.1");
    let elsewhere = Authorization { namespace: "bank".to_owned(), ..policy("one", Action::Deny, vec![]) };
    let mut selecting = selected();
    selecting.authorization_policies.push("bank/one".to_owned());
    let exempt = Workload { permissive_ports: vec![8080], ..selected() };
    let table = [
        ("nothing", vec![], true),
        ("another workload", vec![workload("web", "10.0.0.2").into()], true),
        ("the workload, alike", vec![selected().into()], true),
        ("another namespace's policy", vec![elsewhere.clone().into()], true),
        ("... that selects it", vec![elsewhere.into(), selecting.into()], false),
        ("its permissive ports", vec![exempt.into()], false),
        ("its policy", vec![policy("one", Action::Allow, vec![]).into()], false),
        ("its policy, gone", vec![Change::RemoveAuthorization("shop/one".to_owned())], false),
        ("the workload, gone", vec![Change::RemoveAddress(crate::fixture::uid("db"))], false),
    ];
    for (what, changes, same) in table {
        assert_eq!(same_policies(&before, &after(changes), &db), same, "{what}");
    }
}
