use super::*;

fn channel(text: &str) -> (watch::Sender<Arc<Tokens>>, watch::Receiver<Arc<Tokens>>) {
    watch::channel(Arc::new(Tokens::parse(text).unwrap()))
}

fn metadata(token: &str) -> MetadataMap {
    let mut metadata = MetadataMap::new();
    metadata.insert("authorization", format!("Bearer {token}").parse().unwrap());
    metadata
}

#[test]
fn a_token_that_goes_while_the_message_comes_is_good_for_nothing() {
    let (sender, tokens) = channel("aaa node one\nbbb operator\n");
    let node = Bearer::identify(&metadata("aaa"), tokens.clone(), &Calls::default()).unwrap();
    let operator = Bearer::identify(&metadata("bbb"), tokens, &Calls::default()).unwrap();
    assert_eq!(node.node().map(|caller| caller.node).unwrap(), "one");
    operator.operator().unwrap();
    sender.send_replace(Arc::default());
    assert_eq!(node.node().err().unwrap().code(), Code::Unauthenticated);
    assert_eq!(operator.operator().unwrap_err().code(), Code::Unauthenticated);
}

#[test]
fn a_call_that_passed_no_gate_is_nobodys() {
    let status = Bearer::of(&Extensions::new()).err().unwrap();
    assert_eq!(status.code(), Code::Unauthenticated);
}
