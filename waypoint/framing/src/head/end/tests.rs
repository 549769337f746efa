use super::*;

fn find(section: Section, bytes: &str) -> Result<Option<Extent>, Reason> {
    EndScanner::new(section).find(bytes.as_bytes())
}

#[test]
fn a_section_ends_with_its_empty_line() {
    let at = |start, end| Ok(Some(Extent { start, end }));
    let table = [
        (Section::RequestHead, "a\r\n\r\nb", at(0, 5)),
        (Section::RequestHead, "\r\na\r\n\r\nb", at(2, 7)),
        (Section::RequestHead, "\r\n\r\n", at(2, 4)),
        (Section::RequestHead, "\r\n", Ok(None)),
        (Section::RequestHead, "a\r\n\r", Ok(None)),
        (Section::RequestHead, "\n", Err(Reason::BareLf)),
        (Section::RequestHead, "a\r\n\n", Err(Reason::BareLf)),
        (Section::ResponseHead, "\r\n", at(0, 2)),
        (Section::Trailers, "\r\nGET", at(0, 2)),
        (Section::Trailers, "a\r\n\r\n", at(0, 5)),
    ];
    for (section, bytes, expected) in table {
        assert_eq!(find(section, bytes), expected, "{bytes:?}");
    }
}

#[test]
fn bytes_are_looked_at_once() {
    let mut end = EndScanner::new(Section::RequestHead);
    let bytes = b"\r\nGET / HTTP/1.1\r\n\r\n";
    assert!(!end.has_begun());
    for length in 0..bytes.len() {
        assert_eq!(end.find(&bytes[..length]), Ok(None));
        assert_eq!(end.scanned, length);
        // The first CR may belong to the empty line or not; only that line is no beginning.
        assert_eq!(end.has_begun(), length == 1 || length > 2, "{length}");
    }
    assert_eq!(end.find(bytes), Ok(Some(Extent { start: 2, end: bytes.len() })));
}
