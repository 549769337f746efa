use super::*;
use crate::fixture::ports;

#[test]
fn targets() {
    let ports = Ports::read("ports", &ports(&[(443, 8443), (80, 8080), (81, 0)])).unwrap();
    assert_eq!(ports.target(80), Some(8080));
    assert_eq!(ports.target(443), Some(8443));
    assert_eq!(ports.target(81), None, "a named port that the service does not know");
    assert_eq!(ports.target(8080), None, "a target is no port of the service");
    assert_eq!(ports.iter().collect::<Vec<_>>(), [(80, Some(8080)), (81, None), (443, Some(8443))]);
}

#[test]
fn one_target_for_each_port_whatever_the_order() {
    for pairs in [[(80, 0), (80, 8080), (80, 81)], [(80, 8080), (80, 81), (80, 0)]] {
        let ports = Ports::read("ports", &ports(&pairs)).unwrap();
        assert_eq!(ports.iter().collect::<Vec<_>>(), [(80, Some(8080))]);
    }
}

#[test]
fn numbers_that_are_no_port() {
    for (pair, value) in [((0, 80), 0), ((65_536, 80), 65_536), ((80, 70_000), 70_000)] {
        let read = Ports::read("ports", &ports(&[pair]));
        assert_eq!(read, Err(Reason::Port { field: "ports", value }));
    }
}
