//! Inspects responses.

mod status_line;

use std::collections::VecDeque;

use crate::body::Body;
use crate::head::{EndScanner, Fields, Section, Version};
use crate::inspector::{Inspector, Verdict};
use crate::malformed::{Malformed, Message, Reason};
use crate::request::{RequestFacts, Upgrade};
use status_line::StatusLine;

/// Most 1xx answers to one request.
const MOST_INFORMATIONAL: u8 = 32;

/// Judges what a backend sends. Each request is announced with [`Self::expect`] before it is sent.
#[derive(Debug)]
pub struct ResponseInspector {
    state: State,
    /// Requests whose final answer has not begun.
    awaited: VecDeque<RequestFacts>,
    /// 1xx answers to the first of them.
    informational: u8,
}

#[derive(Debug)]
enum State {
    Head(EndScanner),
    Body(Body),
    /// Another protocol, or a tunnel: everything passes.
    Switched,
    Refused(Reason),
}

/// What follows a head.
enum Next {
    /// Another head, as this one was informational.
    FinalHead,
    Body(Body),
    Switch,
}

impl ResponseInspector {
    /// For the start of a connection.
    #[must_use]
    pub fn new() -> Self {
        Self { state: new_head(), awaited: VecDeque::new(), informational: 0 }
    }

    /// A request is about to be sent. Its answer comes behind those to earlier ones.
    pub fn expect(&mut self, request: RequestFacts) {
        self.awaited.push_back(request);
    }

    /// Whether every request has its whole answer and the connection can carry another one.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.awaited.is_empty() && matches!(&self.state, State::Head(end) if !end.has_begun())
    }

    fn judge(&mut self, bytes: &[u8]) -> Result<usize, Reason> {
        match &mut self.state {
            State::Head(_) if bytes.is_empty() => Ok(0),
            State::Head(end) => {
                let request = *self.awaited.front().ok_or(Reason::Unsolicited)?;
                let Some(extent) = end.find(bytes)? else {
                    return Ok(0);
                };
                let next = judge_head(bytes.get(..extent.end).unwrap_or_default(), &request)?;
                self.enter(next)?;
                Ok(extent.end)
            }
            State::Body(body) => {
                let passed = body.advance(bytes)?;
                if body.is_done() {
                    self.state = new_head();
                }
                Ok(passed)
            }
            State::Switched => Ok(bytes.len()),
            State::Refused(reason) => Err(*reason),
        }
    }

    fn enter(&mut self, next: Next) -> Result<(), Reason> {
        if let Next::FinalHead = next {
            if self.informational == MOST_INFORMATIONAL {
                return Err(Reason::TooManyInformational);
            }
            self.informational += 1;
            self.state = new_head();
            return Ok(());
        }
        self.informational = 0;
        self.awaited.pop_front();
        self.state = match next {
            Next::Body(body) if !body.is_done() => State::Body(body),
            Next::Switch => State::Switched,
            Next::Body(_) | Next::FinalHead => new_head(),
        };
        Ok(())
    }

    fn refuse(&mut self, reason: Reason) -> Malformed {
        self.state = State::Refused(reason);
        Malformed { message: Message::Response, reason }
    }
}

impl Default for ResponseInspector {
    fn default() -> Self {
        Self::new()
    }
}

impl Inspector for ResponseInspector {
    fn inspect(&mut self, bytes: &[u8]) -> Result<Verdict, Malformed> {
        let passed = self.judge(bytes).map_err(|reason| self.refuse(reason))?;
        Ok(Verdict { passed, request: None })
    }

    fn end(&mut self) -> Result<(), Malformed> {
        match &self.state {
            State::Head(end) if end.has_begun() => Err(self.refuse(Reason::Truncated)),
            State::Body(body) if !body.may_end() => Err(self.refuse(Reason::Truncated)),
            State::Refused(reason) => Err(Malformed { message: Message::Response, reason: *reason }),
            State::Head(_) | State::Body(_) | State::Switched => Ok(()),
        }
    }

    fn is_between_messages(&self) -> bool {
        matches!(self.state, State::Head(_))
    }

    fn is_switching(&self) -> bool {
        false
    }
}

fn new_head() -> State {
    State::Head(EndScanner::new(Section::ResponseHead))
}

/// Judges the head of an answer to `request`, and finds how it is framed (RFC 9112 section 6.3).
fn judge_head(head: &[u8], request: &RequestFacts) -> Result<Next, Reason> {
    let (line, lines) = StatusLine::split(head)?;
    let fields = Fields::read(lines, Message::Response, line.version)?;
    match line.status {
        101 => {
            // The answer names the protocol that it switches to (RFC 9110 section 15.2.2).
            return match (request.upgrade, fields.upgrade) {
                (Some(Upgrade::WebSocket), Some(Upgrade::WebSocket)) | (Some(Upgrade::Other), Some(_)) => {
                    Ok(Next::Switch)
                }
                _ => Err(Reason::UnaskedUpgrade),
            };
        }
        200..300 if request.is_connect => return Ok(Next::Switch),
        _ => (),
    }
    let has_body_fields = fields.is_chunked || fields.length.is_some_and(|length| length > 0);
    // To HTTP/1.0 nobody sends 1xx; a backend of that version that does is confused about where its answer ends.
    let is_informational = (100..200).contains(&line.status);
    if (is_informational || line.status == 204) && has_body_fields {
        return Err(Reason::BodyNotAllowed);
    }
    if is_informational {
        return if line.version == Version::Http11 { Ok(Next::FinalHead) } else { Err(Reason::StatusLine) };
    }
    if request.is_head || matches!(line.status, 204 | 304) {
        return Ok(Next::Body(Body::Length(0)));
    }
    Ok(Next::Body(match fields.length {
        _ if fields.is_chunked => Body::chunked(),
        Some(length) => Body::Length(length),
        None => Body::UntilClose,
    }))
}

#[cfg(test)]
mod tests;
