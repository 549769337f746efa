use super::{Colour, bytes, hexdump, table};

#[test]
fn columns_line_up_and_lines_have_no_tail() {
    let rows = [vec!["FROM", "TO"], vec!["web", "catalog"], vec!["a-long-name", "x"]];
    let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect());
    assert_eq!(table(&rows), "FROM         TO\nweb          catalog\na-long-name  x\n");
    assert_eq!(table(&[]), "");
}

#[test]
fn bytes_are_shown_as_hexdump_does() {
    let dump = hexdump(b"GET / HTTP/1.1\r\nHost: catalog", 1);
    assert_eq!(dump, "  0000  47 45 54 20 2f 20 48 54 54 50 2f 31 2e 31 0d 0a  GET / HTTP/1.1..\n");
    assert_eq!(hexdump(&[0x17, 0xff], 4).trim(), "0000  17 ff                                            ..");
}

#[test]
fn amounts_have_a_unit() {
    assert_eq!([bytes(0), bytes(1023), bytes(1536), bytes(3 << 20)], ["0 B", "1023 B", "1.5 KiB", "3.0 MiB"]);
}

#[test]
fn without_colour_there_is_no_escape() {
    assert_eq!(Colour::None.heading(1, "The mesh"), "1. The mesh");
    assert_eq!(Colour::Ansi.remark("x"), "\x1b[2mx\x1b[0m");
}
