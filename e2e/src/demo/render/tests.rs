use super::{Colour, WIDTH, bytes, hexdump, table};

#[test]
fn columns_line_up_and_lines_have_no_tail() {
    let rows = [vec!["FROM", "TO"], vec!["web", "catalog"], vec!["a-long-name", "x"]];
    assert_eq!(table(&rows), "FROM         TO\nweb          catalog\na-long-name  x\n");
    assert_eq!(table(&[vec!["µs", "x"], vec!["abc", "y"]]), "µs   x\nabc  y\n");
    assert_eq!(table(&[vec!["only one"], vec![]]), "only one\n\n");
    assert_eq!(table::<String>(&[]), "");
}

#[test]
fn bytes_are_shown_as_hexdump_does() {
    let rows = hexdump(b"GET / HTTP/1.1\r\nHost: catalog", 1);
    assert_eq!(rows, ["0000  47 45 54 20 2f 20 48 54 54 50 2f 31 2e 31 0d 0a  GET / HTTP/1.1.."]);
    let rows = hexdump(&[&[b'a'; 16][..], &[0x17, 0xff]].concat(), 4);
    assert_eq!(rows[1], "0010  17 ff                                            ..");
    assert!(hexdump(&[], 4).is_empty());
}

#[test]
fn amounts_have_a_unit() {
    assert_eq!([bytes(0), bytes(1023), bytes(1536), bytes(3 << 20)], ["0 B", "1023 B", "1.5 KiB", "3.0 MiB"]);
}

#[test]
fn headings_are_of_one_width_and_without_colour_there_is_no_escape() {
    let heading = Colour::None.heading(1, "The mesh");
    assert!(heading.starts_with("── 1. The mesh ──") && heading.chars().count() == WIDTH, "{heading}");
    assert!(Colour::None.heading(1, &"long".repeat(40)).ends_with("long "));
    assert_eq!(Colour::None.command("shop/web", "curl"), "shop/web$ curl");
    assert_eq!(Colour::Ansi.alarm("x"), "\x1b[31mx\x1b[0m");
}
