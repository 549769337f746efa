use super::super::tcp::tests::socket_at;
use super::*;

const CLIENT: &str = "10.1.0.7:40000";
const APPLICATION: &str = "10.0.0.2:8080";

#[test]
fn they_are_told_by_their_mark() {
    let cases = [
        ("the mark", Some(0x111), true),
        ("with the application's own bits", Some(0xabcd_e111), true),
        ("the mark of what goes into the network", Some(0x539), false),
        ("no mark", Some(0), false),
        ("not told", None, false),
    ];
    for (what, mark, is_delivered) in cases {
        let found = delivered(vec![socket_at(APPLICATION, CLIENT, mark)], &[]);
        assert_eq!(found.len() == 1, is_delivered, "{what}");
    }
}

#[test]
fn the_node_proxys_ends_come_first() {
    let (applications, proxys) =
        (socket_at(APPLICATION, CLIENT, Some(0x111)), socket_at(CLIENT, APPLICATION, Some(0x111)));
    let own = [applications.local().ip()];
    assert_eq!(delivered(vec![applications.clone(), proxys.clone()], &own), [proxys, applications]);
}
