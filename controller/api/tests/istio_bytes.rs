//! Istio's messages, byte by byte: written from the field numbers of its API, so that a change of ours to a .proto cannot hide behind
//! types that both ends of every other test share.

use std::collections::BTreeMap;

use karez_api::certificates::{IstioCertificateRequest, IstioCertificateResponse};
use karez_api::discovery::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, Node, Resource, Status};
use karez_api::security::{
    self, Action, Authorization, Clause, Match, Rule, ServiceAccountMatch, StringMatch,
};
use karez_api::workload::load_balancing::{HealthPolicy, Mode, Scope};
use karez_api::workload::{
    Address, GatewayAddress, LoadBalancing, Locality, NetworkAddress, NetworkMode, Port, PortList, Service,
    TunnelProtocol, Workload, WorkloadStatus, WorkloadType, address, gateway_address,
};
use prost::Message;
use prost_types::{Any, Struct};

/// A varint (protobuf's encoding, "Base 128 Varints").
fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value as u8) | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A field of wire type 0.
fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

/// A field of wire type 2: text, bytes, a message, or packed numbers.
fn held(field: u64, value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    [varint(field << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

fn gateway(ip: u8) -> GatewayAddress {
    let at = NetworkAddress { network: "net".into(), address: vec![10, 0, 0, ip], external: false };
    GatewayAddress { destination: Some(gateway_address::Destination::Address(at)), hbone_mtls_port: 15008 }
}

fn gateway_bytes(ip: u8) -> Vec<u8> {
    let at = [held(1, "net"), held(2, [10, 0, 0, ip])].concat();
    [held(2, at), number(3, 15008)].concat()
}

#[test]
fn a_workload() {
    let ports = PortList { ports: vec![Port { service_port: 80, target_port: 8080 }] };
    let workload = Workload {
        name: "web".into(),
        namespace: "shop".into(),
        addresses: vec![vec![10, 0, 0, 1]],
        network: "net".into(),
        tunnel_protocol: TunnelProtocol::Hbone.into(),
        trust_domain: "td".into(),
        service_account: "sa".into(),
        waypoint: Some(gateway(2)),
        node: "n1".into(),
        canonical_name: "cn".into(),
        canonical_revision: "cr".into(),
        workload_type: WorkloadType::Job.into(),
        workload_name: "wn".into(),
        native_tunnel: true,
        authorization_policies: vec!["shop/p".into()],
        status: WorkloadStatus::Unhealthy.into(),
        cluster_id: "c".into(),
        network_gateway: Some(gateway(3)),
        uid: "uid".into(),
        hostname: "host".into(),
        services: BTreeMap::from([("shop/api".into(), ports)]),
        locality: Some(Locality { region: "r".into(), zone: "z".into(), subzone: "s".into() }),
        network_mode: NetworkMode::HostNetwork.into(),
        capacity: Some(7),
        ..Workload::default()
    };
    let port = held(1, [number(1, 80), number(2, 8080)].concat());
    let expected = [
        held(1, "web"),
        held(2, "shop"),
        held(3, [10, 0, 0, 1]),
        held(4, "net"),
        number(5, 1),
        held(6, "td"),
        held(7, "sa"),
        held(8, gateway_bytes(2)),
        held(9, "n1"),
        held(10, "cn"),
        held(11, "cr"),
        number(12, 3),
        held(13, "wn"),
        number(14, 1),
        held(16, "shop/p"),
        number(17, 1),
        held(18, "c"),
        held(19, gateway_bytes(3)),
        held(20, "uid"),
        held(21, "host"),
        held(22, [held(1, "shop/api"), held(2, port)].concat()),
        held(24, [held(1, "r"), held(2, "z"), held(3, "s")].concat()),
        number(25, 1),
        held(27, number(1, 7)),
    ]
    .concat();
    assert_eq!(workload.encode_to_vec(), expected);
    let address = Address { r#type: Some(address::Type::Workload(workload)) };
    assert_eq!(address.encode_to_vec(), held(1, expected));
}

#[test]
fn a_service() {
    let balancing = LoadBalancing {
        routing_preference: vec![Scope::Network.into(), Scope::Region.into()],
        mode: Mode::Failover.into(),
        health_policy: HealthPolicy::AllowAll.into(),
    };
    let service = Service {
        name: "api".into(),
        namespace: "shop".into(),
        hostname: "api.shop".into(),
        addresses: vec![NetworkAddress {
            network: "net".into(),
            address: vec![10, 1, 0, 1],
            external: false,
        }],
        ports: vec![Port { service_port: 80, target_port: 8080 }],
        subject_alt_names: vec!["spiffe://td".into()],
        waypoint: Some(gateway(4)),
        load_balancing: Some(balancing),
        canonical: true,
        ..Service::default()
    };
    let expected = [
        held(1, "api"),
        held(2, "shop"),
        held(3, "api.shop"),
        held(4, [held(1, "net"), held(2, [10, 1, 0, 1])].concat()),
        held(5, [number(1, 80), number(2, 8080)].concat()),
        held(6, "spiffe://td"),
        held(7, gateway_bytes(4)),
        held(8, [held(1, [6, 1]), number(2, 2), number(3, 1)].concat()),
        number(11, 1),
    ]
    .concat();
    assert_eq!(service.encode_to_vec(), expected);
    let address = Address { r#type: Some(address::Type::Service(service)) };
    assert_eq!(address.encode_to_vec(), held(2, expected));
}

#[test]
fn an_authorization() {
    use security::string_match::MatchType;
    let text = |match_type| vec![StringMatch { match_type: Some(match_type) }];
    let range = |first| vec![security::Address { address: vec![first, 0, 0, 0], length: 8 }];
    let account =
        |name: &str| vec![ServiceAccountMatch { namespace: "shop".into(), service_account: name.into() }];
    let matched = Match {
        namespaces: text(MatchType::Exact("a".into())),
        not_namespaces: text(MatchType::Prefix("b".into())),
        principals: text(MatchType::Suffix("c".into())),
        not_principals: text(MatchType::Presence(())),
        source_ips: range(10),
        not_source_ips: range(11),
        destination_ips: range(12),
        not_destination_ips: range(13),
        destination_ports: vec![80],
        not_destination_ports: vec![81],
        service_accounts: account("d"),
        not_service_accounts: account("e"),
    };
    let policy = Authorization {
        name: "p".into(),
        namespace: "shop".into(),
        scope: security::Scope::WorkloadSelector.into(),
        action: Action::Deny.into(),
        rules: vec![Rule { clauses: vec![Clause { matches: vec![matched] }] }],
        dry_run: true,
        unreadable: false,
    };
    let address = |first| [held(1, [first, 0, 0, 0]), number(2, 8)].concat();
    let account = |name: &str| [held(1, "shop"), held(2, name)].concat();
    let matched = [
        held(1, held(1, "a")),
        held(2, held(2, "b")),
        held(3, held(3, "c")),
        held(4, held(4, "")),
        held(5, address(10)),
        held(6, address(11)),
        held(7, address(12)),
        held(8, address(13)),
        held(9, [80]),
        held(10, [81]),
        held(11, account("d")),
        held(12, account("e")),
    ]
    .concat();
    let rule = held(1, held(2, matched));
    let expected =
        [held(1, "p"), held(2, "shop"), number(3, 2), number(4, 1), held(5, rule), number(6, 1)].concat();
    assert_eq!(policy.encode_to_vec(), expected);
}

#[test]
fn delta_discovery() {
    let request = DeltaDiscoveryRequest {
        node: Some(Node { id: "id".into(), cluster: "c".into(), metadata: Some(Struct::default()) }),
        type_url: "t".into(),
        resource_names_subscribe: vec!["+".into()],
        resource_names_unsubscribe: vec!["-".into()],
        initial_resource_versions: [("name".to_owned(), "v".to_owned())].into(),
        response_nonce: "n".into(),
        error_detail: Some(Status { code: 3, message: "no".into() }),
    };
    let expected = [
        held(1, [held(1, "id"), held(2, "c"), held(3, "")].concat()),
        held(2, "t"),
        held(3, "+"),
        held(4, "-"),
        held(5, [held(1, "name"), held(2, "v")].concat()),
        held(6, "n"),
        held(7, [number(1, 3), held(2, "no")].concat()),
    ];
    assert_eq!(request.encode_to_vec(), expected.concat());

    let any = Any { type_url: "t".into(), value: vec![1, 2] };
    let resource =
        Resource { version: "v".into(), resource: Some(any), name: "n".into(), aliases: vec!["a".into()] };
    let response = DeltaDiscoveryResponse {
        system_version_info: "s".into(),
        resources: vec![resource],
        type_url: "t".into(),
        nonce: "n".into(),
        removed_resources: vec!["gone".into()],
    };
    let any = [held(1, "t"), held(2, [1, 2])].concat();
    let resource = [held(1, "v"), held(2, any), held(3, "n"), held(4, "a")].concat();
    let expected = [held(1, "s"), held(2, resource), held(4, "t"), held(5, "n"), held(6, "gone")];
    assert_eq!(response.encode_to_vec(), expected.concat());
}

#[test]
fn certificates() {
    let request = IstioCertificateRequest {
        csr: "csr".into(),
        validity_duration: 3600,
        metadata: Some(Struct::default()),
    };
    let expected = [held(1, "csr"), number(3, 3600), held(4, "")].concat();
    assert_eq!(request.encode_to_vec(), expected);
    let response = IstioCertificateResponse { cert_chain: vec!["leaf".into(), "root".into()] };
    assert_eq!(response.encode_to_vec(), [held(1, "leaf"), held(1, "root")].concat());
}
