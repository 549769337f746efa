//! HTTP/2 frames by hand (RFC 9113 section 4.1), for what no library would send.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Result, bail};
use karez_e2e::hbone::pki::Credential;
use karez_e2e::hbone::tls;

pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_HEADERS: u8 = 4;
/// RFC 9113 section 7.
pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

const ACK: u8 = 1;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Entries of HPACK's static table (RFC 7541 appendix A).
const AUTHORITY: u8 = 1;
const METHOD: u8 = 2;
const STATUS_200: u8 = 0x80 | 8;
const STATUS_400: u8 = 0x80 | 12;

/// A frame that came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted,
    BadRequest,
    /// Another status: the first byte of its header block.
    Other(u8),
    Reset(u32),
    GoAway(u32),
}

/// An HTTP/2 connection in TLS.
pub(crate) struct Connection {
    tls: tls::Stream,
    next: u32,
}

impl Connection {
    pub(crate) fn open(tcp: TcpStream, credential: &Credential) -> Result<Self> {
        let mut tls = tls::dial(tcp, tls::client(Some(credential))?)?;
        tls.write_all(PREFACE)?;
        tls.write_all(&frame(SETTINGS, 0, 0, &[]))?;
        tls.write_all(&frame(SETTINGS, ACK, 0, &[]))?;
        Ok(Self { tls, next: 1 })
    }

    /// The next stream that a client may open.
    pub(crate) fn new_stream(&mut self) -> u32 {
        let stream = self.next;
        self.next += 2;
        stream
    }

    /// The one that was opened last.
    pub(crate) fn last_stream(&self) -> u32 {
        self.next - 2
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tls.write_all(bytes)?;
        self.tls.flush()
    }

    /// The next frame.
    pub(crate) fn read(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.tls.read_exact(&mut head)?;
        let [a, b, c, kind, _, s0, s1, s2, s3] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.tls.read_exact(&mut payload)?;
        Ok(Frame { kind, stream: u32::from_be_bytes([s0, s1, s2, s3]), payload })
    }

    /// Sends a request with this header block and waits for how it ends.
    pub(crate) fn ask(&mut self, block: &[u8]) -> io::Result<Answer> {
        let stream = self.new_stream();
        self.write(&frame(HEADERS, END_HEADERS, stream, block))?;
        loop {
            let frame = self.read()?;
            match frame.kind {
                GOAWAY => return Ok(Answer::GoAway(number(&frame.payload, 4))),
                RST_STREAM if frame.stream == stream => return Ok(Answer::Reset(number(&frame.payload, 0))),
                HEADERS if frame.stream == stream => return Ok(status(&frame.payload)),
                _ => {}
            }
        }
    }

    /// Reads on until the connection ends; its last GOAWAY's error code, if one came.
    pub(crate) fn end(&mut self) -> Result<Option<u32>> {
        let mut code = None;
        loop {
            match self.read() {
                Ok(frame) if frame.kind == GOAWAY => code = Some(number(&frame.payload, 4)),
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    bail!("the connection stays open")
                }
                Err(_) => return Ok(code),
            }
        }
    }
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [.., a, b, c] = payload.len().to_be_bytes();
    let [s0, s1, s2, s3] = stream.to_be_bytes();
    let mut frame = vec![a, b, c, kind, flags, s0, s1, s2, s3];
    frame.extend_from_slice(payload);
    frame
}

pub(crate) fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &code.to_be_bytes())
}

/// The header block of a plain CONNECT.
pub(crate) fn connect(authority: &str) -> Vec<u8> {
    [known(METHOD, "CONNECT"), known(AUTHORITY, authority)].concat()
}

/// A field whose name HPACK knows, never indexed (RFC 7541 section 6.2.3).
fn known(name: u8, value: &str) -> Vec<u8> {
    let mut field = vec![0x10 | name];
    text(&mut field, value);
    field
}

/// A field with a name of its own, never indexed.
pub(crate) fn field(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0x10];
    text(&mut field, name);
    text(&mut field, value);
    field
}

/// The same, remembered (RFC 7541 section 6.2.1).
pub(crate) fn remembered_field(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0x40];
    text(&mut field, name);
    text(&mut field, value);
    field
}

/// The field that was remembered last: the first entry after the static table (RFC 7541 sections 2.3.3 and 6.1).
pub(crate) const LAST_REMEMBERED: u8 = 0x80 | 62;

/// A text without Huffman coding; its length is an integer with a prefix of 7 bits (RFC 7541 section 5.1).
fn text(block: &mut Vec<u8>, text: &str) {
    const PREFIX: usize = 127;
    let low = |number: usize| number.to_le_bytes()[0];
    if text.len() < PREFIX {
        block.push(low(text.len()));
    } else {
        block.push(low(PREFIX));
        let mut rest = text.len() - PREFIX;
        while rest >= 128 {
            block.push(low(rest) | 128);
            rest >>= 7;
        }
        block.push(low(rest));
    }
    block.extend_from_slice(text.as_bytes());
}

fn status(block: &[u8]) -> Answer {
    match block.first().copied() {
        Some(STATUS_200) => Answer::Accepted,
        Some(STATUS_400) => Answer::BadRequest,
        other => Answer::Other(other.unwrap_or(0)),
    }
}

fn number(payload: &[u8], at: usize) -> u32 {
    payload.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes)
}
