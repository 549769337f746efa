use super::*;

#[test]
fn the_admin_port_is_an_http_url() {
    assert_eq!(address("http://127.0.0.1:15000").unwrap(), "127.0.0.1:15000");
    assert_eq!(address("http://[::1]:15000/").unwrap(), "[::1]:15000");
    assert_eq!(address("http://node").unwrap(), "node:80");
    for wrong in ["", "127.0.0.1:15000", "https://127.0.0.1:15000", "http://", "nonsense"] {
        assert!(matches!(address(wrong), Err(Failure::Usage(_))), "{wrong:?}");
    }
}
