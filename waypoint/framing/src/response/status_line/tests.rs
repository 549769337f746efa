use super::*;

#[test]
fn a_status_line_is_read_exactly() {
    let status = |version, status| Some(StatusLine { version, status });
    let table: [(&[u8], Option<StatusLine>); 17] = [
        (b"HTTP/1.1 200 OK", status(Version::Http11, 200)),
        (b"HTTP/1.0 404 Not \t Found \xff", status(Version::Http10, 404)),
        (b"HTTP/1.1 204 ", status(Version::Http11, 204)),
        (b"HTTP/1.1 204", status(Version::Http11, 204)),
        (b"HTTP/1.1 999 x", status(Version::Http11, 999)),
        (b"", None),
        (b"HTTP/1.1", None),
        (b"HTTP/1.1 20", None),
        (b"HTTP/1.1  200 OK", None),
        (b"HTTP/1.1\t200 OK", None),
        (b"HTTP/1.1 2000", None),
        (b"HTTP/1.1 200OK", None),
        (b"HTTP/1.1 +20 OK", None),
        (b"HTTP/1.1 099 OK", None),
        (b"HTTP/2.0 200 OK", None),
        (b"http/1.1 200 OK", None),
        (b"HTTP/1.1 200 O\0K", None),
    ];
    for (line, expected) in table {
        assert_eq!(StatusLine::parse(line), expected, "{}", line.escape_ascii());
    }
}
