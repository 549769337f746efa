use super::*;

#[test]
fn a_client_learns_whether_to_mend_its_request() {
    let table = [
        (Reason::TwoHosts, 400),
        (Reason::LengthAndChunked, 400),
        (Reason::Truncated, 400),
        (Reason::Expectation, 417),
        (Reason::HeadTooLarge, 431),
        (Reason::TooManyHeaders, 431),
        (Reason::InnerConnect, 501),
        (Reason::TransferCoding, 501),
        (Reason::UnknownVersion, 505),
    ];
    for (reason, status) in table {
        assert_eq!(Malformed { message: Message::Request, reason }.status(), status, "{reason}");
        assert_eq!(Malformed { message: Message::Response, reason }.status(), 502, "{reason}");
    }
}
