//! Headings, tables and packets as text.

use std::fmt::Write as _;

/// How wide a heading is, in characters.
const WIDTH: usize = 100;

/// Whether escape sequences are wanted: on a terminal, unless `NO_COLOR` says otherwise (no-color.org).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Escape sequences.
    Ansi,
    /// Plain text.
    None,
}

impl Colour {
    /// What standard output takes.
    #[must_use]
    pub fn detect() -> Self {
        use std::io::IsTerminal as _;
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if std::io::stdout().is_terminal() && !unwanted { Self::Ansi } else { Self::None }
    }

    /// A scene's title.
    #[must_use]
    pub fn heading(self, number: usize, title: &str) -> String {
        let text = format!("── {number}. {title} ");
        let rule = WIDTH.saturating_sub(text.chars().count());
        self.wrapped("1", &format!("{text}{}", "─".repeat(rule)))
    }

    /// A command that is run in a Pod.
    #[must_use]
    pub fn command(self, pod: &str, line: &str) -> String {
        self.wrapped("36", &format!("{pod}$ {line}"))
    }

    /// What nobody should be able to read, or get.
    #[must_use]
    pub fn alarm(self, text: &str) -> String {
        self.wrapped("31", text)
    }

    /// What is as it should be.
    #[must_use]
    pub fn calm(self, text: &str) -> String {
        self.wrapped("32", text)
    }

    fn wrapped(self, code: &str, text: &str) -> String {
        match self {
            Self::Ansi => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::None => text.to_owned(),
        }
    }
}

/// Columns as wide as their widest cell.
#[must_use]
pub fn table<Cell: AsRef<str>>(rows: &[Vec<Cell>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.as_ref().chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<Cell>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{:width$}", cell.as_ref()));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// Bytes as `hexdump -C` shows them, at most `rows` rows of sixteen.
#[must_use]
pub fn hexdump(bytes: &[u8], rows: usize) -> Vec<String> {
    bytes.chunks(16).take(rows).enumerate().map(|(number, row)| dumped(number * 16, row)).collect()
}

fn dumped(offset: usize, row: &[u8]) -> String {
    let mut hex = String::new();
    for byte in row {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x} ");
    }
    let visible = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let shown: String = row.iter().map(|byte| if visible(byte) { char::from(*byte) } else { '.' }).collect();
    format!("{offset:04x}  {hex:<48} {shown}")
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
