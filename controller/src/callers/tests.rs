use std::net::{IpAddr, Ipv4Addr};

use tokio::sync::watch;

use super::calls::Calls;
use super::*;
use crate::tokens::{Presented, Tokens};

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// As the gate makes it.
async fn bearer(token: &str, authenticator: &Authenticator) -> Bearer {
    let credential = authenticator.authenticate(token, ADDRESS).await.unwrap();
    let call = Calls::default().begin(Presented::of(token)).unwrap();
    Bearer { credential, _call: Arc::new(call) }
}

#[tokio::test]
async fn a_token_that_goes_while_the_message_comes_is_good_for_nothing() {
    let tokens = Tokens::parse("aaa node one\nbbb operator\nccc agent one\n").unwrap();
    let (sender, reader) = watch::channel(Arc::new(tokens));
    let file = Authenticator::File(reader);
    let proxy = bearer("aaa", &file).await;
    let operator = bearer("bbb", &file).await;
    let agent = bearer("ccc", &file).await;
    assert_eq!(proxy.node_proxy().map(|caller| caller.node).unwrap(), "one");
    assert_eq!(agent.node_proxy().err().unwrap().code(), Code::PermissionDenied);
    assert_eq!(agent.of_node().map(|caller| caller.node).unwrap(), "one");
    operator.operator().unwrap();
    assert_eq!(operator.of_node().err().unwrap().code(), Code::PermissionDenied);
    let mut called = proxy.node_proxy().unwrap();
    sender.send_replace(Arc::default());
    assert_eq!(proxy.node_proxy().err().unwrap().code(), Code::Unauthenticated);
    assert_eq!(operator.operator().unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(called.revoked().await.code(), Code::Unauthenticated);
    assert_eq!(file.authenticate("aaa", ADDRESS).await.unwrap_err().code(), Code::Unauthenticated);
}

#[test]
fn a_call_that_passed_no_gate_is_nobodys() {
    let status = Bearer::of(&Extensions::new()).err().unwrap();
    assert_eq!(status.code(), Code::Unauthenticated);
}
