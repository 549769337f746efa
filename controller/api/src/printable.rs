//! Text of users and peers, made fit for a line of a log or a cell of a table.

use std::borrow::Cow;

/// The text on one line: a character that moves the cursor, hides or reorders what is beside it is written as an escape.
///
/// Whoever names an object chooses the text, and a line break in it would forge the line that follows.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unprintable(c) { line.extend(c.escape_default()) } else { line.push(c) }
    }
    Cow::Owned(line)
}

/// Control characters (C0, DEL, C1), line and paragraph separators, and what changes the direction of text (UAX #9) or has no
/// width.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests;
