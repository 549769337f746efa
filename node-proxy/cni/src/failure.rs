//! Why a call fails, as the runtime is told (CNI specification, "Error").

use serde::Serialize;

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Its kind.
    pub code: Code,
    /// What failed, on what, and what to do.
    pub message: String,
}

/// The specification's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The configuration is of a version that is not spoken.
    IncompatibleVersion = 1,
    /// Variables are missing or wrong.
    Environment = 4,
    /// Standard input or output.
    Io = 5,
    /// The configuration cannot be read.
    Decode = 6,
    /// The configuration cannot be followed.
    Configuration = 7,
    /// It may succeed another time.
    TryAgainLater = 11,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    cni_version: &'a str,
    code: u32,
    msg: &'a str,
}

impl Failure {
    /// A failure of that kind.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// As the runtime reads it.
    #[must_use]
    pub fn to_json(&self, cni_version: &str) -> String {
        let written = Written { cni_version, code: self.code as u32, msg: &self.message };
        // Text and a number have a form in JSON.
        serde_json::to_string(&written).unwrap_or_default()
    }
}
