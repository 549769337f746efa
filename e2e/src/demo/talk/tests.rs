use super::{COLUMNS, audit, refusal, row};
use crate::access_log::Line;

const CARRIED: &str = r#"{"level":"info","time":"2026-11-26T13:50:29.278340Z","scope":"access","message":"connection complete",
    "src.addr":"10.66.0.2:40276","src.workload":"web","src.namespace":"shop","src.identity":"spiffe://cluster.local/ns/shop/sa/web",
    "dst.addr":"10.67.0.2:8080","dst.workload":"catalog","dst.namespace":"shop",
    "dst.identity":"spiffe://cluster.local/ns/shop/sa/catalog","direction":"inbound","bytes_sent":2690,"bytes_recv":77,
    "duration":"1ms"}"#;
const REFUSED: &str = r#"{"scope":"access","src.workload":"plain","src.namespace":"outside","dst.workload":"catalog",
    "dst.namespace":"shop","error":"no Allow policy of the destination matches this peer: shop/only-web"}"#;
const AUDITED: &str = "2026-11-26T12:31:34.351284Z  INFO audit: what a policy in audit mode would have said policy=shop/only-web \
    finding=WouldNotAllow pod=shop/catalog peer=spiffe://cluster.local/ns/shop/sa/guest source=10.66.0.2 destination=x";

#[test]
fn a_connection_is_a_row() {
    let row = row(&Line::parse(CARRIED).unwrap());
    assert_eq!(
        row,
        ["shop/web", "ns/shop/sa/web", "shop/catalog", "ns/shop/sa/catalog", "77 B", "2.6 KiB", "1ms"]
    );
    assert_eq!(row.len(), COLUMNS.len());
}

#[test]
fn a_refusal_says_who_asked_whom_and_why_not() {
    let said = refusal(&Line::parse(REFUSED).unwrap());
    assert_eq!(
        said,
        "outside/plain (nobody) -> shop/catalog: no Allow policy of the destination matches this peer: shop/only-web"
    );
}

#[test]
fn an_audit_is_of_this_policy_and_this_peer() {
    let guest = "spiffe://cluster.local/ns/shop/sa/guest";
    let said = audit(AUDITED, "shop/only-web", guest).unwrap();
    assert_eq!(said, format!("policy=shop/only-web finding=WouldNotAllow pod=shop/catalog peer={guest}"));
    assert_eq!(audit(AUDITED, "shop/only", guest), None);
    assert_eq!(audit(AUDITED, "shop/only-web", "spiffe://cluster.local/ns/shop/sa/web"), None);
    assert_eq!(audit(CARRIED, "shop/only-web", guest), None);
    assert_eq!(audit(" audit:  source= policy=", "shop/only-web", guest), None);
}
