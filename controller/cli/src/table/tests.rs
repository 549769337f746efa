use super::*;

#[test]
fn columns_are_as_wide_as_their_widest_cell() {
    let mut table = Table::new(&["POD", "NODE"]);
    table.row(["shop/web".to_owned(), "a".to_owned()]);
    table.row(["é".to_owned(), String::new()]);
    assert_eq!(table.render(), "POD       NODE\nshop/web  a\né         -\n");
}

#[test]
fn cells_cannot_change_the_terminal() {
    let mut table = Table::new(&["A"]);
    table.row(["\u{1b}[31m\n".to_owned()]);
    assert_eq!(table.render(), "A\n\\u{1b}[31m\\n\n");
}
