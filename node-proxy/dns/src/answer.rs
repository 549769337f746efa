//! Decides a query: answer it, forward it, or drop it.

use hickory_proto::ProtoError;
use hickory_proto::op::{Edns, Message, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use karez_mesh::names::Resolution;

use crate::message::{self, Reading};

/// Seconds that a client may cache an answer: endpoints of headless services come and go.
const TTL: u32 = 30;
/// Largest UDP answer without EDNS (RFC 1035 section 4.2.1).
const UDP_SIZE: u16 = 512;
/// Largest UDP answer, and the size that we advertise: answers never leave the node.
const UDP_SIZE_MOST: u16 = 4096;

/// Most addresses in an answer. That many fit in a TCP message even with the longest names uncompressed, and no client
/// tries more.
const ADDRESSES_MOST: usize = 200;

/// The transport of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A datagram: answers may have to be truncated.
    Udp,
    /// A stream.
    Tcp,
}

/// The decision about a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Send this answer: the mesh owns the name.
    Answer(Vec<u8>),
    /// Pass the query unchanged to the server that the client asked.
    Forward,
    /// Send this error: the mesh owns the name, but the rest of the query is malformed.
    Malformed(Vec<u8>),
    /// Drop it: it is no query, and an answer could start a loop.
    Ignore,
}

/// Decides on a query.
///
/// `resolve` looks a host name up ([`karez_mesh::names::resolve`]). `random` shuffles the addresses.
#[must_use]
pub fn answer(
    query: &[u8],
    resolve: impl FnOnce(&str) -> Option<Resolution>,
    transport: Transport,
    random: u64,
) -> Decision {
    let question = match message::read(query) {
        Reading::Question(question) => question,
        Reading::Other => return Decision::Forward,
        Reading::NoQuery => return Decision::Ignore,
    };
    let is_address = matches!(question.query_type, RecordType::A | RecordType::AAAA);
    if !is_address || question.query_class != DNSClass::IN {
        return Decision::Forward;
    }
    let Some(resolution) = resolve(&question.name.to_ascii()) else {
        return Decision::Forward;
    };
    // Only the mesh's own names need the rest of the message.
    let Ok(asked) = Message::from_vec(query) else {
        return malformed(query);
    };
    let mut reply = reply_to(&asked, &question);
    let mut records = Vec::new();
    if reply.metadata.response_code == ResponseCode::NoError {
        records = answers(&question, resolution, random);
    }
    let limit = match transport {
        Transport::Udp => usize::from(asked.edns.as_ref().map_or(UDP_SIZE, udp_size)),
        Transport::Tcp => usize::from(u16::MAX),
    };
    match encode(&mut reply, &records, limit) {
        Some(bytes) => Decision::Answer(bytes),
        None => message::server_failure(query).map_or(Decision::Ignore, Decision::Answer),
    }
}

fn malformed(query: &[u8]) -> Decision {
    message::format_error(query).map_or(Decision::Ignore, Decision::Malformed)
}

fn udp_size(edns: &Edns) -> u16 {
    edns.max_payload().clamp(UDP_SIZE, UDP_SIZE_MOST)
}

/// An answer without records.
fn reply_to(asked: &Message, question: &Query) -> Message {
    let mut reply = Message::response(asked.metadata.id, OpCode::Query);
    reply.metadata.authoritative = true;
    reply.metadata.recursion_desired = asked.metadata.recursion_desired;
    reply.metadata.recursion_available = true;
    reply.add_query(question.clone());
    if let Some(edns) = &asked.edns {
        let mut own = Edns::new();
        own.set_max_payload(UDP_SIZE_MOST);
        // RFC 3225 section 3: DO is copied.
        own.set_dnssec_ok(edns.flags().dnssec_ok);
        reply.set_edns(own);
        if edns.version() != 0 {
            // RFC 6891 section 6.1.3. Decoded it reads BADSIG, which has the same number (RFC 6895 section 2.3).
            reply.metadata.response_code = ResponseCode::BADVERS;
        }
    }
    reply
}

/// The answer's records, an alias first.
fn answers(question: &Query, resolution: Resolution, random: u64) -> Vec<Record> {
    let mut addresses: Vec<RData> = match question.query_type {
        RecordType::AAAA => resolution.v6.into_iter().map(|address| RData::AAAA(AAAA(address))).collect(),
        _ => resolution.v4.into_iter().map(|address| RData::A(A(address))).collect(),
    };
    shuffle(&mut addresses, random);
    addresses.truncate(ADDRESSES_MOST);
    // A name too long for DNS cannot be an alias target, but its addresses are still valid.
    let canonical = resolution.canonical.and_then(|name| dns_name(&name).ok());
    let alias = canonical.clone().map(|name| RData::CNAME(CNAME(name)));
    let alias = alias.map(|alias| Record::from_rdata(question.name.clone(), TTL, alias));
    let owner = canonical.unwrap_or_else(|| question.name.clone());
    let addresses = addresses.into_iter().map(|address| Record::from_rdata(owner.clone(), TTL, address));
    alias.into_iter().chain(addresses).collect()
}

fn dns_name(host: &str) -> Result<Name, ProtoError> {
    Name::from_labels(host.trim_end_matches('.').split('.').map(str::as_bytes))
}

/// Fisher-Yates, with numbers derived from `random`.
fn shuffle<T>(items: &mut [T], mut random: u64) {
    for last in (1..items.len()).rev() {
        random = split_mix(random);
        // The remainder is at most `last`.
        let other = (random % (last as u64 + 1)) as usize;
        items.swap(last, other);
    }
}

/// Steele, Lea and Flood's SplitMix64.
fn split_mix(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Encodes the answer with as many records as fit in `limit` bytes. `None` if it cannot be encoded at all.
fn encode(reply: &mut Message, records: &[Record], limit: usize) -> Option<Vec<u8>> {
    reply.answers = records.to_vec();
    let whole = reply.to_vec().ok()?;
    if whole.len() <= limit {
        return Some(whole);
    }
    reply.metadata.truncation = true;
    let (mut fits, mut too_many) = (0, records.len());
    let mut best = None;
    while fits < too_many {
        let middle = fits + (too_many - fits) / 2;
        reply.answers = records.iter().take(middle).cloned().collect();
        let part = reply.to_vec().ok()?;
        if part.len() <= limit {
            best = Some(part);
            fits = middle + 1;
        } else {
            too_many = middle;
        }
    }
    best
}

#[cfg(test)]
mod tests;
