//! What the inspectors of both directions have in common.

use crate::malformed::Malformed;
use crate::request::RequestFacts;

/// Judges the bytes of one direction of a connection, in the order in which they come.
pub trait Inspector {
    /// Judges the bytes at the front of the connection that have not passed yet.
    ///
    /// Bytes that do not pass are given again, with those that came behind them. Judges at most one message in a call:
    /// behind its end the caller asks again.
    ///
    /// # Errors
    /// None of `bytes` may pass, nor any byte behind them: every later call says the same.
    fn inspect(&mut self, bytes: &[u8]) -> Result<Verdict, Malformed>;

    /// Judges the end of the connection, behind the bytes that have been given.
    ///
    /// # Errors
    /// [`Truncated`](crate::Reason::Truncated) within a message.
    fn end(&mut self) -> Result<(), Malformed>;

    /// Whether the next byte begins a message, so that no part of an unfinished one has passed.
    fn is_between_messages(&self) -> bool;

    /// Whether it depends on an answer that is not given yet if the next byte is HTTP at all.
    ///
    /// The caller does not ask about the bytes behind before that answer is given.
    fn is_switching(&self) -> bool;
}

/// How many of the given bytes may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verdict {
    /// The first so many. 0 if more bytes are needed to judge.
    pub passed: usize,
    /// The request whose head ends within these bytes, if one does.
    pub request: Option<RequestFacts>,
}
