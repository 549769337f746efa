use super::*;

#[test]
fn a_port_counts_and_another_word_opens_nothing() {
    let word = Rejected::Word;
    let table: [(&str, &[u16], Vec<Rejected<'_>>); 12] = [
        ("", &[], vec![]),
        (" ", &[], vec![]),
        ("8443", &[8443], vec![]),
        (" 9090 ,\t8443,9090", &[8443, 9090], vec![]),
        ("1,65535", &[1, 65535], vec![]),
        ("0", &[], vec![word("0")]),
        ("65536", &[], vec![word("65536")]),
        ("+80", &[], vec![word("+80")]),
        ("8443,", &[8443], vec![word("")]),
        ("8443,metrics", &[8443], vec![word("metrics")]),
        ("8443 9090", &[], vec![word("8443 9090")]),
        ("80-90,*", &[], vec![word("80-90"), word("*")]),
    ];
    for (text, ports, rejected) in table {
        let expected = PermissivePorts { ports: ports.iter().copied().collect(), rejected };
        assert_eq!(PermissivePorts::read(text), expected, "{text:?}");
    }
}

#[test]
fn the_number_of_ports_is_bounded() {
    let text: Vec<String> = (1..=40).chain([1]).map(|port: u16| port.to_string()).collect();
    let text = text.join(",");
    let read = PermissivePorts::read(&text);
    assert_eq!(read.ports.len(), MOST_PORTS);
    let excess: Vec<_> = (33..=40).map(Rejected::Excess).collect();
    assert_eq!(read.rejected, excess, "a port that is in already is no excess");
}
