use super::*;

#[test]
fn every_listener_has_one_of_the_reserved_ports() {
    let ports: std::collections::BTreeSet<_> = Listening::ALL.into_iter().map(Listening::port).collect();
    assert_eq!(ports.into_iter().collect::<Vec<_>>(), karez_api::names::port::RESERVED);
}
