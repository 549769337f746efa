//! `Connection`: the options of one hop (RFC 9110 section 7.6.1).

use http::header::{self, HeaderName};

use super::is_token;
use crate::malformed::{Message, Reason};

/// Headers that the next hop needs. Named in `Connection`, they would be dropped by a proxy that follows the RFC.
const END_TO_END: [HeaderName; 17] = [
    header::AUTHORIZATION,
    header::CACHE_CONTROL,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::DATE,
    header::EXPECT,
    header::FORWARDED,
    header::HOST,
    header::MAX_FORWARDS,
    header::ORIGIN,
    header::RANGE,
    header::SET_COOKIE,
    header::TRANSFER_ENCODING,
    header::VIA,
];

/// The same, for a family of names.
const END_TO_END_PREFIX: &str = "x-forwarded-";

/// Judges one `Connection` line. True if it names `Upgrade`.
pub(super) fn names_upgrade(value: &[u8], message: Message) -> Result<bool, Reason> {
    let mut upgrade = false;
    for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        // RFC 9110 section 5.6.1: empty elements of a list are ignored.
        if option.is_empty() {
            continue;
        }
        if !is_token(option) {
            return Err(Reason::InvalidConnection);
        }
        // Backends name `Transfer-Encoding` here. It is not theirs to drop, and hyper keeps it.
        if message == Message::Request && is_end_to_end(option) {
            return Err(Reason::ConnectionNamesHeader);
        }
        upgrade |= option.eq_ignore_ascii_case(header::UPGRADE.as_str().as_bytes());
    }
    Ok(upgrade)
}

fn is_end_to_end(option: &[u8]) -> bool {
    let prefix = option.get(..END_TO_END_PREFIX.len());
    END_TO_END.iter().any(|name| option.eq_ignore_ascii_case(name.as_str().as_bytes()))
        || prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(END_TO_END_PREFIX.as_bytes()))
}
