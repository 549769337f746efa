use std::net::{Ipv4Addr, Ipv6Addr};

use karez_mesh::names::Addressing;
use proptest::prelude::*;

use super::*;

fn query(name: &str, kind: RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.id = 0x1234;
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(dns_name(name).unwrap(), kind));
    message
}

fn v4(count: usize) -> Vec<Ipv4Addr> {
    (0..count).map(|n| Ipv4Addr::from(0x0a00_0000 + u32::try_from(n).unwrap())).collect()
}

fn resolution(v4: Vec<Ipv4Addr>, v6: Vec<Ipv6Addr>, canonical: Option<&str>) -> Resolution {
    Resolution { v4, v6, canonical: canonical.map(str::to_owned), addressing: Addressing::Virtual }
}

/// A mesh with `web.shop.svc.cluster.local`, only on IPv4.
fn shop(host: &str) -> Option<Resolution> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    match host.as_str() {
        "web.shop.svc.cluster.local" => Some(resolution(v4(3), Vec::new(), None)),
        "web.shop.svc.cluster.local.web.svc.cluster.local" => {
            Some(resolution(v4(1), Vec::new(), Some("web.shop.svc.cluster.local")))
        }
        _ => None,
    }
}

fn decide(query: &Message) -> Decision {
    answer(&query.to_vec().unwrap(), shop, Transport::Udp, 7)
}

fn answered(query: &Message) -> Message {
    let Decision::Answer(bytes) = decide(query) else { panic!("no answer to {query:?}") };
    Message::from_vec(&bytes).unwrap()
}

/// As `dig` shows them, sorted.
fn records(message: &Message) -> Vec<String> {
    let mut records: Vec<_> = message.answers.iter().map(ToString::to_string).collect();
    records.sort();
    records
}

#[test]
fn addresses_of_a_name_of_the_mesh() {
    let answer = answered(&query("Web.Shop.svc.cluster.local.", RecordType::A));
    let expected =
        ["10.0.0.0", "10.0.0.1", "10.0.0.2"].map(|at| format!("Web.Shop.svc.cluster.local. 30 IN A {at}"));
    assert_eq!(records(&answer), expected);
    let metadata = answer.metadata;
    assert_eq!(metadata.id, 0x1234);
    assert_eq!(metadata.response_code, ResponseCode::NoError);
    assert!(metadata.authoritative && metadata.recursion_desired && metadata.recursion_available);
    assert!(!metadata.truncation && !metadata.authentic_data);
    // In the query's upper and lower case: resolvers compare it.
    assert_eq!(answer.queries[0].name.to_ascii(), "Web.Shop.svc.cluster.local.");
    assert!(answer.edns.is_none());
}

#[test]
fn a_name_without_addresses_of_the_family_exists_all_the_same() {
    let answer = answered(&query("web.shop.svc.cluster.local.", RecordType::AAAA));
    assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
    assert!(answer.metadata.authoritative);
    assert!(answer.answers.is_empty());
}

#[test]
fn a_name_with_a_search_domain_too_many_is_an_alias() {
    let name = "web.shop.svc.cluster.local.web.svc.cluster.local.";
    let answer = answered(&query(name, RecordType::A));
    assert_eq!(
        answer.answers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            format!("{name} 30 IN CNAME web.shop.svc.cluster.local."),
            "web.shop.svc.cluster.local. 30 IN A 10.0.0.0".to_owned(),
        ]
    );
}

#[test]
fn everything_else_is_forwarded() {
    let name = "web.shop.svc.cluster.local.";
    for kind in [RecordType::SRV, RecordType::TXT, RecordType::ANY, RecordType::DNSKEY, RecordType::HTTPS] {
        assert_eq!(decide(&query(name, kind)), Decision::Forward, "{kind}");
    }
    assert_eq!(decide(&query("example.org.", RecordType::A)), Decision::Forward);
    let mut chaos = query(name, RecordType::A);
    chaos.queries[0].query_class = DNSClass::CH;
    assert_eq!(decide(&chaos), Decision::Forward);
    let mut notify = query(name, RecordType::A);
    notify.metadata.op_code = OpCode::Notify;
    assert_eq!(decide(&notify), Decision::Forward);
}

#[test]
fn what_cannot_be_read_is_the_servers_to_judge_unless_the_name_is_the_meshs() {
    let whole = query("web.shop.svc.cluster.local.", RecordType::A).to_vec().unwrap();
    let two = {
        let mut message = query("web.shop.svc.cluster.local.", RecordType::A);
        message.queries.push(message.queries[0].clone());
        message.to_vec().unwrap()
    };
    let promises_more = {
        let mut bytes = whole.clone();
        bytes[11] = 1;
        bytes
    };
    for bytes in [&whole[..20], &two] {
        assert_eq!(answer(bytes, shop, Transport::Udp, 0), Decision::Forward);
    }
    let Decision::Malformed(refusal) = answer(&promises_more, shop, Transport::Udp, 0) else {
        panic!("not so")
    };
    assert_eq!(Message::from_vec(&refusal).unwrap().metadata.response_code, ResponseCode::FormErr);
    let mut reply = query("web.shop.svc.cluster.local.", RecordType::A);
    reply.metadata.message_type = hickory_proto::op::MessageType::Response;
    assert_eq!(decide(&reply), Decision::Ignore);
    assert_eq!(answer(&whole[..11], shop, Transport::Udp, 0), Decision::Ignore);
}

#[test]
fn what_is_not_understood_of_somebody_elses_name_is_forwarded() {
    let mut bytes = query("example.org.", RecordType::A).to_vec().unwrap();
    bytes[11] = 1;
    assert_eq!(answer(&bytes, shop, Transport::Udp, 0), Decision::Forward);
}

/// A query with EDNS.
fn extended(size: u16) -> Message {
    let mut message = query("many.", RecordType::A);
    let mut edns = Edns::new();
    edns.set_max_payload(size).set_dnssec_ok(true);
    message.set_edns(edns);
    message
}

/// The library compresses only the first 120 names of a message.
#[test]
fn udp_answers_are_cut_to_what_the_client_takes_and_say_so() {
    let plain = query("many.", RecordType::A);
    for (message, transport, count, size, taken, cut) in [
        (&plain, Transport::Udp, 30, 12 + 10 + 30 * 16, 30, false),
        (&plain, Transport::Udp, 31, 12 + 10 + 30 * 16, 30, true),
        (&plain, Transport::Tcp, 31, 12 + 10 + 31 * 16, 31, false),
        (&extended(1232), Transport::Udp, 31, 12 + 10 + 31 * 16 + 11, 31, false),
        (&extended(1232), Transport::Udp, 100, 12 + 10 + 74 * 16 + 11, 74, true),
        (&extended(0), Transport::Udp, 100, 12 + 10 + 29 * 16 + 11, 29, true),
        (&extended(65535), Transport::Udp, 1000, 12 + 10 + 119 * 16 + 81 * 20 + 11, 200, false),
        (&extended(1232), Transport::Tcp, 3000, 12 + 10 + 119 * 16 + 81 * 20 + 11, 200, false),
    ] {
        let resolve = |_: &str| Some(resolution(v4(count), Vec::new(), None));
        let decision = answer(&message.to_vec().unwrap(), resolve, transport, 1);
        let Decision::Answer(bytes) = decision else { panic!("{decision:?}") };
        assert_eq!(bytes.len(), size, "{count} over {transport:?}");
        let answer = Message::from_vec(&bytes).unwrap();
        assert_eq!((answer.answers.len(), answer.metadata.truncation), (taken, cut));
        assert_eq!(answer.edns.is_some(), message.edns.is_some());
    }
}

#[test]
fn an_alias_that_does_not_fit_is_left_out_too() {
    let long = |letter: char| [63, 63, 63, 57].map(|length| letter.to_string().repeat(length)).join(".");
    let canonical = long('b');
    let resolve = |_: &str| Some(resolution(v4(1), Vec::new(), Some(&canonical)));
    let asked = query(&format!("{}.", long('a')), RecordType::A).to_vec().unwrap();
    let Decision::Answer(bytes) = answer(&asked, resolve, Transport::Udp, 1) else { panic!() };
    let cut = Message::from_vec(&bytes).unwrap();
    assert!(cut.metadata.truncation && cut.answers.is_empty());
    let Decision::Answer(bytes) = answer(&asked, resolve, Transport::Tcp, 1) else { panic!() };
    assert_eq!(Message::from_vec(&bytes).unwrap().answers.len(), 2);
}

#[test]
fn the_largest_answer_fits_in_a_message() {
    let name = |letter: char| [63, 63, 63, 57].map(|length| letter.to_string().repeat(length)).join(".");
    let canonical = name('b');
    let v6 = (0..5000_u128).map(Ipv6Addr::from).collect();
    let resolve = |_: &str| Some(resolution(Vec::new(), v6, Some(&canonical)));
    let asked = query(&format!("{}.", name('a')), RecordType::AAAA).to_vec().unwrap();
    let Decision::Answer(bytes) = answer(&asked, resolve, Transport::Tcp, 1) else { panic!() };
    let answer = Message::from_vec(&bytes).unwrap();
    assert_eq!(answer.answers.len(), 1 + ADDRESSES_MOST);
    assert!(!answer.metadata.truncation);
}

#[test]
fn edns_is_answered_with_edns() {
    let mut asked = query("web.shop.svc.cluster.local.", RecordType::A);
    let mut edns = Edns::new();
    edns.set_max_payload(1232).set_dnssec_ok(true);
    asked.set_edns(edns.clone());
    let own = answered(&asked).edns.unwrap();
    assert_eq!((own.version(), own.max_payload(), own.flags().dnssec_ok), (0, 4096, true));
    edns.set_version(1);
    asked.set_edns(edns);
    let refused = answered(&asked);
    assert_eq!(u16::from(refused.metadata.response_code), u16::from(ResponseCode::BADVERS));
    assert!(refused.answers.is_empty());
}

#[test]
fn the_random_number_orders_the_addresses_and_nothing_else() {
    let asked = query("web.shop.svc.cluster.local.", RecordType::A).to_vec().unwrap();
    let orders: std::collections::BTreeSet<Vec<String>> = (0..100)
        .map(|random| {
            let Decision::Answer(bytes) = answer(&asked, shop, Transport::Udp, random) else { panic!() };
            let answer = Message::from_vec(&bytes).unwrap();
            assert_eq!(records(&answer).len(), 3);
            answer.answers.iter().map(|record| record.data.to_string()).collect()
        })
        .collect();
    // All six orders of three occur.
    assert_eq!(orders.len(), 6);
}

proptest! {
    /// Every answer about the mesh's names can be decoded, fits the client's size, and sets TC exactly when records are
    /// missing.
    #[test]
    fn answers_are_sound(
        labels in prop::collection::vec("[a-zA-Z0-9_-]{1,63}", 1..4),
        canonical in prop::option::of("[a-z0-9-]{1,63}(\\.[a-z0-9-]{1,63}){0,2}"),
        count in 0_usize..120,
        size in prop::option::of(any::<u16>()),
        random: u64,
    ) {
        let mut asked = query(&format!("{}.", labels.join(".")), RecordType::A);
        if let Some(size) = size {
            let mut edns = Edns::new();
            edns.set_max_payload(size);
            asked.set_edns(edns);
        }
        let resolve = |_: &str| Some(resolution(v4(count), Vec::new(), canonical.as_deref()));
        let decision = answer(&asked.to_vec().unwrap(), resolve, Transport::Udp, random);
        let Decision::Answer(bytes) = decision else { panic!("{decision:?}") };
        prop_assert!(bytes.len() <= usize::from(size.unwrap_or(0).clamp(512, 4096)));
        let answer = Message::from_vec(&bytes).unwrap();
        prop_assert_eq!(&answer.queries, &asked.queries);
        let whole = count + usize::from(canonical.is_some());
        prop_assert_eq!(answer.metadata.truncation, answer.answers.len() < whole);
        let mut addresses: Vec<_> = answer.answers.iter().filter_map(|record| record.data.ip_addr()).collect();
        addresses.sort();
        addresses.dedup();
        prop_assert!(addresses.len() + usize::from(canonical.is_some()) >= answer.answers.len());
    }
}
