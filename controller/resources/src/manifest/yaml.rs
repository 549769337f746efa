//! One document's text to a value. JSON is YAML.

use std::borrow::Cow;

use serde_json::Value;
use serde_saphyr::localizer::Localizer;
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Location, UserMessageFormatter};

use super::LARGEST_DOCUMENT;

/// Why a text is not YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// Line of the document, from 1.
    pub(super) line: usize,
    pub(super) message: String,
}

/// Parses one document within bounds on its size, depth and aliases; a key that stands twice is an error. There is no value
/// where nothing is written; a `null` is one, such as a tool leaves that has not found what was to be written.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<Value>, SyntaxError> {
    let text = text(bytes)?;
    if text.lines().all(is_void) {
        return Ok(None);
    }
    serde_saphyr::from_str_with_options(text, options()).map(Some).map_err(|error| syntax_error(&error))
}

/// A line that holds nothing: blank, a comment, or a marker of where a document begins or ends.
fn is_void(line: &str) -> bool {
    let line = line.strip_prefix("---").unwrap_or(line).trim();
    line.is_empty() || line == "..." || line.starts_with('#')
}

pub(super) fn text(bytes: &[u8]) -> Result<&str, SyntaxError> {
    if bytes.len() > LARGEST_DOCUMENT {
        let message = format!("the document is larger than {LARGEST_DOCUMENT} bytes");
        return Err(SyntaxError { line: 1, message });
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        SyntaxError { line, message: "the text is not UTF-8".to_owned() }
    })
}

pub(super) fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 64,
            max_nodes: 500_000,
            max_aliases: 1_000,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        non_finite_float_policy: NonFiniteFloatPolicy::Reject,
        // `yes` and `on` are texts, as Kubernetes' own YAML reads them into an untyped value.
        strict_booleans: true,
        with_snippet: false,
    }
}

fn syntax_error(error: &serde_saphyr::Error) -> SyntaxError {
    let line = error.location().map_or(1, |location| usize::try_from(location.line()).unwrap_or(usize::MAX));
    SyntaxError {
        line,
        message: error.render_with_formatter(&UserMessageFormatter.with_localizer(&WithoutPlace)),
    }
}

/// Places are told by [`SyntaxError::line`]: those in the message would count from the document's beginning.
struct WithoutPlace;

impl Localizer for WithoutPlace {
    fn attach_location<'a>(&self, message: Cow<'a, str>, _: Location) -> Cow<'a, str> {
        message
    }

    fn alias_used_at(&self, _: Location) -> String {
        String::new()
    }
}
