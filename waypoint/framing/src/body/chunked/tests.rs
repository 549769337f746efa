use super::*;

/// Bytes that pass when each is given alone.
fn advance_bytewise(bytes: &[u8]) -> Result<(usize, bool), Reason> {
    let mut chunked = Chunked::new();
    let (mut passed, mut given) = (0, 0);
    while given < bytes.len() && !chunked.is_done() {
        given += 1;
        passed += chunked.advance(&bytes[passed..given])?;
    }
    Ok((passed, chunked.is_done()))
}

#[test]
fn a_body_ends_behind_its_trailers() {
    let table: [(&[u8], usize, bool); 7] = [
        (b"0\r\n\r\nrest", 5, true),
        (b"5\r\nhello\r\n0\r\n\r\nrest", 15, true),
        (b"000;x=y\r\nA: b\r\n\r\nrest", 17, true),
        (b"a;b;c=\"d\"\r\n0123456789\r\n", 23, false),
        // Trailers pass together, when their last byte has come.
        (b"0\r\nA: b\r\n", 3, false),
        (b"0\r\nA: b\r\n\r", 3, false),
        (b"F\r\nabc", 6, false),
    ];
    for (bytes, passed, is_done) in table {
        let mut chunked = Chunked::new();
        assert_eq!(chunked.advance(bytes), Ok(passed), "{}", bytes.escape_ascii());
        assert_eq!(chunked.is_done(), is_done, "{}", bytes.escape_ascii());
        assert_eq!(advance_bytewise(bytes), Ok((passed, is_done)), "{}", bytes.escape_ascii());
    }
}

#[test]
fn bytes_before_a_violation_pass_first() {
    let mut chunked = Chunked::new();
    assert_eq!(chunked.advance(b"2\r\nabX\n"), Ok(5));
    assert_eq!(chunked.advance(b"X\n"), Err(Reason::ChunkEnd));
    let mut chunked = Chunked::new();
    assert_eq!(chunked.advance(b"0\r\nHost: a\r\n\r\n"), Ok(3));
    assert_eq!(chunked.advance(b"Host: a\r\n\r\n"), Err(Reason::ForbiddenTrailer));
}

#[test]
fn extensions_are_bounded_for_the_whole_body() {
    let chunk = [b"1;".as_slice(), &[b'x'; 1000], b"\r\na\r\n"].concat();
    let mut chunked = Chunked::new();
    let bytes = chunk.repeat(17);
    let passed = chunked.advance(&bytes).unwrap();
    assert_eq!(chunked.advance(&bytes[passed..]), Err(Reason::ChunkExtension));
    assert_eq!(passed / chunk.len(), 16);
}
