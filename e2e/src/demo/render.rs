//! Headings, tables and packets as text.

use std::fmt::Write as _;

/// Whether escape sequences are wanted: on a terminal, unless `NO_COLOR` says otherwise (no-color.org).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Bold headings, dim remarks.
    Ansi,
    /// Plain text.
    None,
}

impl Colour {
    /// What standard output takes.
    #[must_use]
    pub fn detect() -> Self {
        use std::io::IsTerminal as _;
        let wanted = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        if wanted { Self::Ansi } else { Self::None }
    }

    /// A scene's title.
    #[must_use]
    pub fn heading(self, number: usize, title: &str) -> String {
        self.wrapped("1", &format!("{number}. {title}"))
    }

    /// A command that is run in a Pod.
    #[must_use]
    pub fn command(self, pod: &str, line: &str) -> String {
        self.wrapped("36", &format!("{pod}$ {line}"))
    }

    /// What the narrator says.
    #[must_use]
    pub fn remark(self, text: &str) -> String {
        self.wrapped("2", text)
    }

    fn wrapped(self, code: &str, text: &str) -> String {
        match self {
            Self::Ansi => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::None => text.to_owned(),
        }
    }
}

/// Columns as wide as their widest cell, the first row a heading.
#[must_use]
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a String cannot fail.
            let _ = write!(line, "{cell:<width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Bytes as `hexdump -C` shows them, `lines` lines of sixteen.
#[must_use]
pub fn hexdump(bytes: &[u8], lines: usize) -> String {
    let mut text = String::new();
    for (number, row) in bytes.chunks(16).take(lines).enumerate() {
        let hex: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let shown: String = row
            .iter()
            .map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' })
            .collect();
        let _ = writeln!(text, "  {:04x}  {:<47}  {shown}", number * 16, hex.join(" "));
    }
    text
}

/// A number of bytes for people.
#[must_use]
pub fn bytes(count: u64) -> String {
    match count {
        0..1024 => format!("{count} B"),
        1024..1_048_576 => format!("{:.1} KiB", count as f64 / 1024.0),
        _ => format!("{:.1} MiB", count as f64 / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests;
