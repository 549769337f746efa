//! Messages as text, without what is empty.

use std::fmt::{Debug, Write};
use std::net::IpAddr;

use karez_api::names::type_url;
use karez_api::node::LocalPod;
use karez_api::security::string_match::MatchType;
use karez_api::security::{self, Authorization, StringMatch};
use karez_api::settings::{MeshSettings, NamespaceSettings};
use karez_api::workload::{Address, Port, Service, Workload, address};
use karez_translate::ResourceName;
use prost::Message;

/// One resource, its name first.
pub(crate) fn resource(name: &ResourceName, message: &[u8]) -> String {
    let name_of = &name.name;
    match name.type_url {
        type_url::ADDRESS => match Address::decode(message).unwrap().r#type.unwrap() {
            address::Type::Workload(it) => format!("workload {name_of}\n{}", workload(&it)),
            address::Type::Service(it) => format!("service {name_of}\n{}", service(&it)),
        },
        type_url::AUTHORIZATION => {
            format!("authorization {name_of}\n{}", authorization(&Authorization::decode(message).unwrap()))
        }
        type_url::MESH => format!("mesh {name_of}\n  {:?}\n", MeshSettings::decode(message).unwrap()),
        type_url::NAMESPACE => {
            format!("namespace {name_of}\n  {:?}\n", NamespaceSettings::decode(message).unwrap())
        }
        type_url::LOCAL_POD => {
            format!("local pod {name_of}\n{}", local_pod(&LocalPod::decode(message).unwrap()))
        }
        other => panic!("{other}"),
    }
}

fn workload(it: &Workload) -> String {
    let mut text = String::new();
    let terminating = if it.terminating { " terminating" } else { "" };
    line(
        &mut text,
        "",
        &format_args!("{} {:?} {:?}{terminating}", it.namespace, it.tunnel_protocol(), it.status()),
    );
    line(&mut text, "name", &it.name);
    line(&mut text, "addresses", &ips(it.addresses.iter().map(Vec::as_slice)));
    line(&mut text, "identity", &[&it.trust_domain, &it.service_account]);
    line(&mut text, "node", &it.node);
    line(&mut text, "network mode", &it.network_mode());
    line(&mut text, "canonical", &[&it.canonical_name, &it.canonical_revision]);
    line(&mut text, "made by", &format_args!("{:?} {}", it.workload_type(), it.workload_name));
    line(&mut text, "policies", &it.authorization_policies);
    line(&mut text, "locality", &it.locality.as_ref().map_or(["", ""], |it| [&it.region, &it.zone]));
    line(&mut text, "permissive ports", &it.permissive_ports);
    let mut services: Vec<_> = it.services.iter().collect();
    services.sort_by_key(|(name, _)| *name);
    for (name, list) in services {
        line(&mut text, "serves", &format_args!("{name} {}", ports(&list.ports)));
    }
    assert_eq!(it.cluster_id, "Kubernetes");
    text
}

fn local_pod(it: &LocalPod) -> String {
    let mut text = String::new();
    let enrolled = if it.enrolled { "enrolled" } else { "not enrolled" };
    let node_proxy = if it.node_proxy { " node proxy" } else { "" };
    line(
        &mut text,
        "",
        &format_args!("{}/{} {} {enrolled}{node_proxy}", it.namespace, it.name, it.service_account),
    );
    line(&mut text, "uid", &it.uid);
    line(&mut text, "addresses", &ips(it.addresses.iter().map(Vec::as_slice)));
    text
}

fn service(it: &Service) -> String {
    let mut text = String::new();
    line(&mut text, "name", &[&it.namespace, &it.name, &it.hostname]);
    let of_kind = |external| it.addresses.iter().filter(move |address| address.external == external);
    line(&mut text, "addresses", &ips(of_kind(false).map(|address| address.address.as_slice())));
    line(&mut text, "from outside", &ips(of_kind(true).map(|address| address.address.as_slice())));
    line(&mut text, "ports", &format_args!("{}", ports(&it.ports)));
    if it.contested {
        line(&mut text, "", &"contested");
    }
    line(&mut text, "families", &it.ip_families());
    if it.client_affinity {
        line(&mut text, "affinity", &"client");
    }
    if let Some(balancing) = &it.load_balancing {
        let scopes: Vec<_> = balancing.routing_preference().collect();
        line(
            &mut text,
            "balancing",
            &format_args!("{:?} {scopes:?} {:?}", balancing.mode(), balancing.health_policy()),
        );
    }
    text
}

fn authorization(it: &Authorization) -> String {
    let mut text = String::new();
    let audit = if it.dry_run { " audit" } else { "" };
    let unreadable = if it.unreadable { " unreadable" } else { "" };
    line(
        &mut text,
        "",
        &format_args!("{:?} {:?}{audit}{unreadable} [{} {}]", it.scope(), it.action(), it.namespace, it.name),
    );
    for rule in &it.rules {
        let clause =
            |clause: &security::Clause| clause.matches.iter().map(one_match).collect::<Vec<_>>().join(" or ");
        let clauses: Vec<String> = rule.clauses.iter().map(clause).collect();
        line(
            &mut text,
            "rule",
            &format_args!("{}", if clauses.is_empty() { "always".to_owned() } else { clauses.join(" and ") }),
        );
    }
    text
}

fn one_match(it: &security::Match) -> String {
    let mut fields = Vec::new();
    let mut add = |name: &str, values: Vec<String>| {
        if !values.is_empty() {
            fields.push(format!("{name}={}", values.join("|")));
        }
    };
    let texts = |list: &[StringMatch]| list.iter().map(pattern).collect();
    let nets = |list: &[security::Address]| {
        list.iter().map(|net| format!("{}/{}", ip(&net.address), net.length)).collect()
    };
    let accounts = |list: &[security::ServiceAccountMatch]| {
        list.iter().map(|account| format!("{}/{}", account.namespace, account.service_account)).collect()
    };
    let numbers = |list: &[u32]| list.iter().map(u32::to_string).collect();
    add("namespace", texts(&it.namespaces));
    add("namespace!", texts(&it.not_namespaces));
    add("principal", texts(&it.principals));
    add("principal!", texts(&it.not_principals));
    add("account", accounts(&it.service_accounts));
    add("account!", accounts(&it.not_service_accounts));
    add("source", nets(&it.source_ips));
    add("source!", nets(&it.not_source_ips));
    add("destination", nets(&it.destination_ips));
    add("destination!", nets(&it.not_destination_ips));
    add("port", numbers(&it.destination_ports));
    add("port!", numbers(&it.not_destination_ports));
    format!("({})", fields.join(" "))
}

fn pattern(it: &StringMatch) -> String {
    match it.match_type.as_ref().unwrap() {
        MatchType::Exact(text) => text.clone(),
        MatchType::Prefix(text) => format!("{text}*"),
        MatchType::Suffix(text) => format!("*{text}"),
        MatchType::Presence(()) => "*".to_owned(),
    }
}

fn ports(list: &[Port]) -> String {
    let port = |port: &Port| format!("{}→{}", port.service_port, port.target_port);
    list.iter().map(port).collect::<Vec<_>>().join(" ")
}

fn ips<'a>(octets: impl Iterator<Item = &'a [u8]>) -> Vec<IpAddr> {
    octets.map(ip).collect()
}

fn ip(octets: &[u8]) -> IpAddr {
    match octets.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(octets).unwrap()),
        _ => IpAddr::from(<[u8; 16]>::try_from(octets).unwrap()),
    }
}

fn line(text: &mut String, name: &str, value: &dyn Debug) {
    let value = format!("{value:?}");
    let value = value.trim_matches('"');
    if !matches!(value, "" | "[]" | "[\"\", \"\"]") {
        writeln!(text, "  {name}{}{value}", if name.is_empty() { "" } else { ": " }).unwrap();
    }
}
