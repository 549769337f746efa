//! Where one document ends and the next begins.

/// One document's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    /// Line of the file at which it begins, from 1.
    pub(super) first_line: usize,
}

/// Splits at lines that begin with `---`, and after lines that are `...` (YAML 1.2.2 §9.1.2: nothing inside a document can,
/// block scalars included). The first marker's line belongs to the document that it begins, which may start on it, and so do
/// the directives before it, such as `%YAML 1.1`.
pub(super) fn documents(file: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let mut first_line = 1;
    std::iter::from_fn(move || {
        let (bytes, after) =
            rest.split_at_checked(end_of_document(rest)).filter(|(bytes, _)| !bytes.is_empty())?;
        let piece = Piece { bytes, first_line };
        first_line += bytes.iter().filter(|byte| **byte == b'\n').count();
        rest = after;
        Some(piece)
    })
}

/// Where the next document begins.
fn end_of_document(text: &[u8]) -> usize {
    let mut at = 0;
    let mut is_prefix = text.first() == Some(&b'%');
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if at > 0 && is_marker(line, b"---") && !is_prefix {
            return at;
        }
        is_prefix = is_prefix && is_of_prefix(line);
        at += line.len();
        if is_marker(line, b"...") {
            return at;
        }
    }
    text.len()
}

fn is_marker(line: &[u8], marker: &[u8]) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
}

/// A directive, or what may stand between directives and the document.
fn is_of_prefix(line: &[u8]) -> bool {
    matches!(line.trim_ascii().first(), None | Some(b'%' | b'#'))
}
