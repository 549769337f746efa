//! Reads a query's first question, and writes an answer without records (RFC 1035 section 4.1).

use hickory_proto::op::{Header, MessageType, OpCode, Query};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

/// Length of a message's header.
const HEADER: usize = 12;
/// Length of the fields behind a question's name.
const TYPE_AND_CLASS: usize = 4;

/// A message by its header and first question.
#[derive(Debug)]
pub(crate) enum Reading {
    /// Too short for an answer, or itself an answer: a reply could start a loop.
    NoQuery,
    /// Anything else for a server to judge: no question, several (RFC 9619), or a malformed one.
    Other,
    /// One question.
    Question(Query),
}

/// Reads the header and the first question.
pub(crate) fn read(message: &[u8]) -> Reading {
    let mut decoder = BinDecoder::new(message);
    let Ok(header) = Header::read(&mut decoder) else {
        return Reading::NoQuery;
    };
    match (header.metadata.message_type, header.metadata.op_code, header.counts.queries) {
        (MessageType::Response, ..) => Reading::NoQuery,
        (_, OpCode::Query, 1) => Query::read(&mut decoder).map_or(Reading::Other, Reading::Question),
        _ => Reading::Other,
    }
}

/// The transaction id, which matches an answer to its query.
#[must_use]
pub fn id(message: &[u8]) -> Option<u16> {
    message.first_chunk().copied().map(u16::from_be_bytes)
}

/// Whether it only asks (opcode QUERY), so that it may be sent again.
#[must_use]
pub fn is_question(message: &[u8]) -> bool {
    message.get(2).is_some_and(|flags| flags & 0x78 == 0)
}

/// A SERVFAIL answer to `query`. `None` if that is too short for a query.
#[must_use]
pub fn server_failure(query: &[u8]) -> Option<Vec<u8>> {
    refusal(query, 2)
}

/// A FORMERR answer to `query`. `None` if that is too short for a query.
#[must_use]
pub fn format_error(query: &[u8]) -> Option<Vec<u8>> {
    refusal(query, 1)
}

/// A header with a code, and the original question if it can be delimited: stub resolvers compare it.
fn refusal(query: &[u8], code: u8) -> Option<Vec<u8>> {
    let [id_high, id_low, flags, ..] = *query.first_chunk::<HEADER>()?;
    let question = question(query).unwrap_or_default();
    // QR, with the query's opcode and RD.
    let flags = 0x80 | (flags & 0x79);
    // RA, because queries go to a recursive server.
    let code = 0x80 | code;
    let questions = u8::from(!question.is_empty());
    let mut answer = vec![id_high, id_low, flags, code, 0, questions, 0, 0, 0, 0, 0, 0];
    answer.extend_from_slice(question);
    Some(answer)
}

/// The bytes of the only question, if they mean the same in another message.
fn question(query: &[u8]) -> Option<&[u8]> {
    let mut decoder = BinDecoder::new(query);
    let header = Header::read(&mut decoder).ok()?;
    (header.counts.queries == 1).then_some(())?;
    let read = Query::read(&mut decoder).ok()?;
    let bytes = query.get(HEADER..decoder.index())?;
    // A compressed first name points into the header, which the answer does not share.
    let name = read.name.iter().map(|label| label.len() + 1).sum::<usize>() + 1;
    (bytes.len() == name + TYPE_AND_CLASS).then_some(bytes)
}

#[cfg(test)]
mod tests;
