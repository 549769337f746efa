//! The normal form of a path. It is made once, before anything matches it, and it is what is forwarded: routes, policies
//! and the backend judge the same text.

use std::borrow::Cow;
use std::fmt;

use crate::percent::{self, Octet};

/// A path in normal form: it begins with `/`, and holds no empty segment, no dot segment, no `\` and no octet that is
/// encoded without need. A `/` at the end stays.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NormalPath<'a>(Cow<'a, str>);

/// Encoded octets that are refused unless a `TrafficPolicy` keeps them. Kept ones stay encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// `%2F` and `%5C`.
    pub slashes: bool,
    /// `%00`.
    pub nul: bool,
}

/// Why a path is refused. The caller answers 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It does not begin with `/`.
    #[error("the path does not begin with '/'")]
    NotAbsolute,
    /// A character that no path holds. A query and a fragment are not part of the path.
    #[error("the path holds the character {0:?}")]
    Character(char),
    /// A `%` without two hexadecimal digits.
    #[error("the path holds a '%' without two hexadecimal digits")]
    Encoding,
    /// `%2F` or `%5C`: a backend may take it for a separator.
    #[error("the path holds an encoded slash or backslash")]
    EncodedSlash,
    /// `%00`: a backend may take it for the end.
    #[error("the path holds an encoded NUL")]
    EncodedNul,
    /// `/..;` or `/.;`: some servers drop the parameter, and then resolve the dots.
    #[error("the path holds a dot segment with a parameter")]
    DotSegmentWithParameter,
    /// A dot segment beside an encoded slash that is kept: a backend that decodes it would resolve the dots.
    #[error("the path holds a dot segment beside an encoded slash")]
    DotSegmentBesideEncodedSlash,
}

impl Keep {
    /// Refuses all of them.
    pub const NONE: Self = Self { slashes: false, nul: false };
    /// Keeps all of them.
    pub const ALL: Self = Self { slashes: true, nul: true };
}

impl NormalPath<'_> {
    /// `/`.
    pub const ROOT: NormalPath<'static> = NormalPath(Cow::Borrowed("/"));
}

impl<'a> NormalPath<'a> {
    /// Brings a path into normal form, in this order:
    ///
    /// 1. Unreserved octets are decoded, once. All other encodings are written in upper case. What must be encoded but
    ///    is not, such as `{` and `é`, becomes so.
    /// 2. `\` becomes `/`.
    /// 3. Dot segments are resolved (RFC 3986, section 5.2.4), never above the root.
    /// 4. Slashes in a row become one.
    ///
    /// `path` has no query: that stays as it is. `*` and the authority of CONNECT are no paths.
    ///
    /// # Errors
    /// The path has no normal form, or one that servers read in different ways.
    pub fn new(path: &'a str, keep: Keep) -> Result<Self, Refused> {
        if is_plainly_normal(path.as_bytes()) {
            return Ok(Self(Cow::Borrowed(path)));
        }
        let decoded = decode(path, keep)?;
        let resolved = resolve_dot_segments(&decoded)?;
        Ok(Self(Cow::Owned(merge_slashes(resolved))))
    }

    /// Replaces the first `length` octets, which are whole segments, by another path. A slash at the end of that one is
    /// ignored.
    pub(crate) fn with_prefix(&self, length: usize, prefix: &NormalPath<'_>) -> NormalPath<'static> {
        let rest = self.0.get(length..).unwrap_or_default();
        let mut path = prefix.0.trim_end_matches('/').to_owned();
        if path.is_empty() || !rest.is_empty() {
            path.push('/');
        }
        path.push_str(rest.strip_prefix('/').unwrap_or(rest));
        NormalPath(Cow::Owned(path))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A copy that borrows nothing.
    #[must_use]
    pub fn into_owned(self) -> NormalPath<'static> {
        NormalPath(Cow::Owned(self.0.into_owned()))
    }
}

impl fmt::Display for NormalPath<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Whether the path is in normal form for sure. Most are.
fn is_plainly_normal(path: &[u8]) -> bool {
    let may_follow = |before: u8, octet: u8| match octet {
        b'/' | b'.' => before != b'/',
        b'%' | b';' => false,
        _ => is_path_octet(octet),
    };
    path.first() == Some(&b'/')
        && path.iter().zip(path.iter().skip(1)).all(|(before, octet)| may_follow(*before, *octet))
}

/// Whether a path may hold the octet as it is (RFC 3986, section 3.3, `pchar`).
fn is_path_octet(octet: u8) -> bool {
    percent::is_unreserved(octet)
        || matches!(
            octet,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@'
        )
}

/// Decodes what means the same decoded, encodes what must be, and turns `\` into `/`.
fn decode(path: &str, keep: Keep) -> Result<String, Refused> {
    if !path.starts_with(['/', '\\']) {
        return Err(Refused::NotAbsolute);
    }
    let mut decoded = String::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while !rest.is_empty() {
        let (octet, after) = percent::split_octet(rest).ok_or(Refused::Encoding)?;
        rest = after;
        match octet {
            Octet::Literal(b'/' | b'\\') => decoded.push('/'),
            Octet::Literal(octet @ (0..=b' ' | 0x7f | b'?' | b'#')) => {
                return Err(Refused::Character(octet.into()));
            }
            Octet::Literal(octet) if is_path_octet(octet) => decoded.push(octet.into()),
            Octet::Literal(octet) => percent::push_encoded(&mut decoded, octet),
            Octet::Encoded(octet) if percent::is_unreserved(octet) => decoded.push(octet.into()),
            Octet::Encoded(b'/' | b'\\') if !keep.slashes => return Err(Refused::EncodedSlash),
            Octet::Encoded(0) if !keep.nul => return Err(Refused::EncodedNul),
            Octet::Encoded(octet) => percent::push_encoded(&mut decoded, octet),
        }
    }
    Ok(decoded)
}

/// Resolves `.` and `..`. An empty segment counts as one, as in the RFC.
fn resolve_dot_segments(path: &str) -> Result<String, Refused> {
    let mut resolved = String::with_capacity(path.len());
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        check_hidden_dots(segment)?;
        match segment {
            "." => {}
            ".." => resolved.truncate(resolved.rfind('/').unwrap_or(0)),
            _ => {
                resolved.push('/');
                resolved.push_str(segment);
            }
        }
        if segments.peek().is_none() && is_dot_segment(segment) {
            resolved.push('/');
        }
    }
    Ok(resolved)
}

fn is_dot_segment(segment: &str) -> bool {
    matches!(segment, "." | "..")
}

/// Refuses a segment that becomes a dot segment when a server drops its parameters or decodes its slashes.
fn check_hidden_dots(segment: &str) -> Result<(), Refused> {
    if is_dot_segment(segment) || !segment.contains([';', '%']) {
        return Ok(());
    }
    let parts = || segment.split("%2F").flat_map(|part| part.split("%5C"));
    match parts().any(|part| is_dot_segment(without_parameters(part))) {
        false => Ok(()),
        true if parts().count() > 1 => Err(Refused::DotSegmentBesideEncodedSlash),
        true => Err(Refused::DotSegmentWithParameter),
    }
}

/// The part of a segment before `;`, encoded or not.
fn without_parameters(segment: &str) -> &str {
    let name = segment.split_once(';').map_or(segment, |(name, _)| name);
    name.split_once("%3B").map_or(name, |(name, _)| name)
}

fn merge_slashes(mut path: String) -> String {
    let mut after_slash = false;
    path.retain(|character| {
        let is_slash = character == '/';
        let is_kept = !(is_slash && after_slash);
        after_slash = is_slash;
        is_kept
    });
    path
}

#[cfg(test)]
mod tests;
