use super::*;
use crate::inspector::Inspector;
use crate::malformed::Message;
use crate::request::RequestFacts;
use crate::response::ResponseInspector;

#[test]
fn an_answer_is_well_formed_itself() {
    let malformed = Malformed { message: Message::Request, reason: Reason::TwoHosts };
    let answer = malformed.answer();
    let mut inspector = ResponseInspector::new();
    inspector.expect(RequestFacts::default());
    let head = inspector.inspect(&answer).unwrap().passed;
    assert!(answer.starts_with(b"HTTP/1.1 400 Bad Request\r\n"));
    assert_eq!(&answer[head..], b"malformed HTTP/1 request: more than one Host header\n");
    assert_eq!(inspector.inspect(&answer[head..]).unwrap().passed, answer.len() - head);
    assert!(inspector.is_idle());
}
