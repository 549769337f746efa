//! Where one document ends and the next begins.

/// One document's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    /// Line of the file at which it begins, from 1.
    pub(super) first_line: usize,
}

/// Splits at lines that begin with `---` (YAML 1.2.2 §9.1.2: nothing inside a document can, block scalars included).
/// The marker's line belongs to the document that it begins, which may start on it.
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

/// Where the next marker stands, after the first line.
fn end_of_document(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(length) = text.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n')) {
        at += length + 1;
        if text.get(at..).is_some_and(is_marker) {
            return at;
        }
    }
    text.len()
}

fn is_marker(text: &[u8]) -> bool {
    text.strip_prefix(b"---").is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
}
