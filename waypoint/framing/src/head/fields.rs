//! The fields that decide framing and routing.

use http::header;
use httparse::Header;

use super::{Version, connection, for_each_line, resembles, transfer_encoding};
use crate::malformed::{Message, Reason};
use crate::request::Upgrade;

/// What the field lines of a head say.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a> {
    /// `Host`, not judged yet.
    pub(crate) host: Option<&'a [u8]>,
    /// `Content-Length`.
    pub(crate) length: Option<u64>,
    /// `Transfer-Encoding: chunked`.
    pub(crate) is_chunked: bool,
    /// `Expect: 100-continue`.
    pub(crate) expects_continue: bool,
    /// `Upgrade`, if `Connection` names it, as it must (RFC 9110 section 7.8).
    pub(crate) upgrade: Option<Upgrade>,
}

/// The fields that are looked at.
enum Known {
    Connection,
    ContentLength,
    Expect,
    Host,
    Http2Settings,
    TransferEncoding,
    Upgrade,
}

impl<'a> Fields<'a> {
    /// Reads the lines of a head, from behind its start line.
    pub(crate) fn read(lines: &'a [u8], message: Message, version: Version) -> Result<Self, Reason> {
        let mut fields = Self::default();
        let mut names_upgrade = false;
        for_each_line(lines, |line| {
            let Some(known) = known(line.name)? else {
                return Ok(());
            };
            if let Known::Connection = known {
                names_upgrade |= connection::names_upgrade(line.value, message)?;
                return Ok(());
            }
            fields.add(&known, line, message)
        })?;
        if fields.length.is_some() && fields.is_chunked {
            return Err(Reason::LengthAndChunked);
        }
        if version == Version::Http10 {
            fields.ignore_http11()?;
        }
        fields.upgrade = fields.upgrade.filter(|_| names_upgrade);
        Ok(fields)
    }

    fn add(&mut self, known: &Known, line: &Header<'a>, message: Message) -> Result<(), Reason> {
        match (known, message) {
            (Known::ContentLength, _) => {
                let length = decimal(line.value).ok_or(Reason::InvalidLength)?;
                set_once(&mut self.length, length, Reason::TwoLengths)
            }
            (Known::TransferEncoding, _) => {
                if self.is_chunked {
                    return Err(Reason::TwoTransferEncodings);
                }
                transfer_encoding::judge(line.value)?;
                self.is_chunked = true;
                Ok(())
            }
            (Known::Host, Message::Request) => set_once(&mut self.host, line.value, Reason::TwoHosts),
            (Known::Expect, Message::Request) => {
                let is_repeated = std::mem::replace(&mut self.expects_continue, true);
                let is_known = line.value.eq_ignore_ascii_case(b"100-continue");
                if is_known && !is_repeated { Ok(()) } else { Err(Reason::Expectation) }
            }
            (Known::Http2Settings, Message::Request) => Err(Reason::CleartextHttp2),
            (Known::Upgrade, _) => self.add_upgrade(line.value, message),
            // Without meaning in an answer, or judged by the caller.
            (Known::Host | Known::Expect | Known::Http2Settings | Known::Connection, _) => Ok(()),
        }
    }

    fn add_upgrade(&mut self, value: &[u8], message: Message) -> Result<(), Reason> {
        let mut protocols = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        // Servers offer h2c in ordinary answers. No 101 follows, as nobody asked for it.
        if message == Message::Request && protocols.clone().any(|name| name.eq_ignore_ascii_case(b"h2c")) {
            return Err(Reason::CleartextHttp2);
        }
        let is_websocket = protocols.all(|name| name.eq_ignore_ascii_case(b"websocket"));
        let another = self.upgrade.is_some_and(|upgrade| upgrade == Upgrade::Other);
        self.upgrade = Some(if is_websocket && !another { Upgrade::WebSocket } else { Upgrade::Other });
        Ok(())
    }

    /// RFC 9110 sections 7.8 and 10.1.1: what HTTP/1.0 does not know is ignored, where that is safe.
    fn ignore_http11(&mut self) -> Result<(), Reason> {
        self.upgrade = None;
        self.expects_continue = false;
        if self.is_chunked { Err(Reason::ChunkedOnHttp10) } else { Ok(()) }
    }
}

fn set_once<T>(field: &mut Option<T>, value: T, twice: Reason) -> Result<(), Reason> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(twice),
    }
}

fn known(name: &str) -> Result<Option<Known>, Reason> {
    let is = |known: &header::HeaderName| name.eq_ignore_ascii_case(known.as_str());
    let known = match name.len() {
        4 if is(&header::HOST) => Known::Host,
        6 if is(&header::EXPECT) => Known::Expect,
        7 if is(&header::UPGRADE) => Known::Upgrade,
        10 if is(&header::CONNECTION) => Known::Connection,
        14 if name.eq_ignore_ascii_case("http2-settings") => Known::Http2Settings,
        14 if is(&header::CONTENT_LENGTH) => Known::ContentLength,
        14 if resembles(name, &header::CONTENT_LENGTH) => return Err(Reason::ConfusableName),
        17 if is(&header::TRANSFER_ENCODING) => Known::TransferEncoding,
        17 if resembles(name, &header::TRANSFER_ENCODING) => return Err(Reason::ConfusableName),
        _ => return Ok(None),
    };
    Ok(Some(known))
}

/// RFC 9110 section 8.6, and within what peers that count in signed numbers can represent.
fn decimal(text: &[u8]) -> Option<u64> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: i64 = str::from_utf8(text).ok()?.parse().ok()?;
    u64::try_from(number).ok()
}
