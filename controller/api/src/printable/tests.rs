use super::one_line;

#[test]
fn what_forges_a_line_or_changes_a_terminal_is_escaped() {
    let cases = [
        ("Pod shop/web-0: é “ok” \\n", "Pod shop/web-0: é “ok” \\n"),
        ("web\n2026-01-01 INFO all is well", "web\\n2026-01-01 INFO all is well"),
        ("a\r\tb", "a\\r\\tb"),
        ("\u{1b}[31mred\u{9b}", "\\u{1b}[31mred\\u{9b}"),
        ("a\u{202e}b\u{2028}c\u{feff}", "a\\u{202e}b\\u{2028}c\\u{feff}"),
        ("", ""),
    ];
    for (text, line) in cases {
        assert_eq!(one_line(text), line);
    }
}
