use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use proptest::prelude::*;

use super::*;

/// A query for `Web.Shop. A`, id 0x1234, RD.
const QUERY: &[u8] = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03Web\x04Shop\x00\x00\x01\x00\x01";

fn with(position: usize, value: u8) -> Vec<u8> {
    let mut query = QUERY.to_vec();
    query[position] = value;
    query
}

#[test]
fn messages_are_told_apart() {
    let cases: [(&str, Vec<u8>, &str); 9] = [
        ("a query", QUERY.to_vec(), "Question"),
        ("empty", Vec::new(), "NoQuery"),
        ("half a header", QUERY[..11].to_vec(), "NoQuery"),
        ("an answer", with(2, 0x81), "NoQuery"),
        ("no question", with(5, 0), "Other"),
        ("two questions", with(5, 2), "Other"),
        ("NOTIFY", with(2, 0x20), "Other"),
        ("half a question", QUERY[..20].to_vec(), "Other"),
        ("a label beyond the end", with(12, 63), "Other"),
    ];
    for (what, message, expected) in cases {
        let reading = format!("{:?}", read(&message));
        assert!(reading.starts_with(expected), "{what}: {reading}");
    }
}

#[test]
fn only_a_question_may_be_asked_again() {
    assert!(is_question(QUERY));
    for (what, message) in [("NOTIFY", with(2, 0x20)), ("UPDATE", with(2, 0x28)), ("nothing", Vec::new())] {
        assert!(!is_question(&message), "{what}");
    }
}

#[test]
fn a_failure_echoes_id_flags_and_question() {
    let mut expected = QUERY.to_vec();
    expected[2] = 0x81;
    expected[3] = 0x82;
    let mut query = QUERY.to_vec();
    query.extend_from_slice(b"whatever follows");
    assert_eq!(server_failure(&query), Some(expected.clone()));
    expected[3] = 0x81;
    assert_eq!(format_error(&query), Some(expected));
}

#[test]
fn without_a_readable_question_there_is_a_header_alone() {
    let answer = format_error(&QUERY[..20]).unwrap();
    assert_eq!(answer, b"\x12\x34\x81\x81\0\0\0\0\0\0\0\0");
    assert_eq!(server_failure(&QUERY[..11]), None);
    // Its name points to the last byte of the header, which differs in the answer.
    let pointing = [&QUERY[..12], b"\xc0\x0b\x00\x01\x00\x01"].concat();
    assert_eq!(server_failure(&pointing).unwrap(), b"\x12\x34\x81\x82\0\0\0\0\0\0\0\0");
}

proptest! {
    #[test]
    fn refusals_of_any_query_can_be_read(id: u16, labels in prop::collection::vec("[a-zA-Z0-9_-]{1,20}", 1..6)) {
        let mut query = Message::query();
        query.metadata.id = id;
        let name = Name::from_labels(labels.iter().map(String::as_bytes)).unwrap();
        query.add_query(Query::query(name, RecordType::SRV));
        let answer = Message::from_vec(&server_failure(&query.to_vec().unwrap()).unwrap()).unwrap();
        prop_assert_eq!(answer.metadata.id, id);
        prop_assert_eq!(answer.metadata.response_code, ResponseCode::ServFail);
        prop_assert_eq!(answer.queries, query.queries);
    }
}
