//! Inspects requests.

mod facts;
mod line;

pub use facts::{RequestFacts, Upgrade};

use crate::authority::Authority;
use crate::body::Body;
use crate::head::{EndScanner, Fields, Section, Version, is_token, split_first_line};
use crate::inspector::{Inspector, Verdict};
use crate::malformed::{Malformed, Message, Reason};
use line::{RequestLine, Target};

/// Judges what a client sends.
#[derive(Debug)]
pub struct RequestInspector {
    state: State,
    /// Whether the last request asked for an upgrade, so that the answer may switch protocols.
    asked_upgrade: bool,
    /// Whether the last request was answered with 101.
    is_switched: bool,
}

#[derive(Debug)]
enum State {
    Head(EndScanner),
    Body(Body),
    /// Another protocol: everything passes.
    Switched,
    Refused(Reason),
}

impl RequestInspector {
    /// For the start of a connection.
    #[must_use]
    pub fn new() -> Self {
        Self { state: new_head(), asked_upgrade: false, is_switched: false }
    }

    /// The last request is answered with 101, so the bytes behind it are not HTTP. False if it asked for no upgrade.
    ///
    /// To be called before the answer is sent. Without it, all that follows is judged as requests.
    pub fn switch_protocols(&mut self) -> bool {
        if self.asked_upgrade {
            self.is_switched = true;
            if let State::Head(_) = self.state {
                self.state = State::Switched;
            }
        }
        self.is_switched
    }

    fn judge(&mut self, bytes: &[u8]) -> Result<Verdict, Reason> {
        match &mut self.state {
            State::Head(end) => {
                // Not HTTP at all, a TLS handshake for example: nothing to wait for.
                if bytes.first().is_some_and(|first| !is_token(&[*first]) && *first != b'\r') {
                    return Err(Reason::RequestLine);
                }
                let Some(extent) = end.find(bytes)? else {
                    return Ok(Verdict::default());
                };
                let head = bytes.get(extent.start..extent.end).unwrap_or_default();
                let (facts, body) = judge_head(head)?;
                self.asked_upgrade = facts.upgrade.is_some();
                self.enter(body);
                Ok(Verdict { passed: extent.end, request: Some(facts) })
            }
            State::Body(body) => {
                let passed = body.advance(bytes)?;
                if body.is_done() {
                    self.finish();
                }
                Ok(Verdict { passed, request: None })
            }
            State::Switched => Ok(Verdict { passed: bytes.len(), request: None }),
            State::Refused(reason) => Err(*reason),
        }
    }

    fn enter(&mut self, body: Body) {
        if body.is_done() {
            self.finish();
        } else {
            self.state = State::Body(body);
        }
    }

    fn finish(&mut self) {
        self.state = if self.is_switched { State::Switched } else { new_head() };
    }

    fn refuse(&mut self, reason: Reason) -> Malformed {
        self.state = State::Refused(reason);
        Malformed { message: Message::Request, reason }
    }
}

impl Default for RequestInspector {
    fn default() -> Self {
        Self::new()
    }
}

impl Inspector for RequestInspector {
    fn inspect(&mut self, bytes: &[u8]) -> Result<Verdict, Malformed> {
        self.judge(bytes).map_err(|reason| self.refuse(reason))
    }

    fn end(&mut self) -> Result<(), Malformed> {
        match &self.state {
            State::Head(end) if end.has_begun() => Err(self.refuse(Reason::Truncated)),
            State::Body(body) if !body.may_end() => Err(self.refuse(Reason::Truncated)),
            State::Refused(reason) => Err(Malformed { message: Message::Request, reason: *reason }),
            State::Head(_) | State::Body(_) | State::Switched => Ok(()),
        }
    }

    fn is_between_messages(&self) -> bool {
        matches!(self.state, State::Head(_))
    }

    fn is_switching(&self) -> bool {
        self.asked_upgrade && self.is_between_messages()
    }
}

fn new_head() -> State {
    State::Head(EndScanner::new(Section::RequestHead))
}

/// Judges a head that begins with its request line.
fn judge_head(head: &[u8]) -> Result<(RequestFacts, Body), Reason> {
    let (line, lines) = split_first_line(head).ok_or(Reason::RequestLine)?;
    let line = RequestLine::parse(line)?;
    let fields = Fields::read(lines, Message::Request, line.version)?;
    judge_host(&line, fields.host)?;
    let body = match fields.length {
        _ if fields.is_chunked => Body::chunked(),
        length => Body::Length(length.unwrap_or(0)),
    };
    let facts = RequestFacts {
        is_head: line.method == b"HEAD",
        is_connect: false,
        expects_continue: fields.expects_continue,
        upgrade: fields.upgrade,
    };
    Ok((facts, body))
}

/// RFC 9112 section 3.2: one `Host`, which HTTP/1.0 may lack, and which agrees with an absolute target.
///
/// The RFC lets the target win. Servers behind do not all do so.
fn judge_host(line: &RequestLine<'_>, host: Option<&[u8]>) -> Result<(), Reason> {
    let Some(host) = host else {
        return if line.version == Version::Http10 { Ok(()) } else { Err(Reason::NoHost) };
    };
    let host = Authority::parse(host).ok_or(Reason::InvalidHost)?;
    match line.target {
        Target::Absolute { authority, default_port } if !authority.is_same(&host, default_port) => {
            Err(Reason::HostMismatch)
        }
        Target::Absolute { .. } | Target::Origin | Target::Asterisk => Ok(()),
    }
}

#[cfg(test)]
mod tests;
