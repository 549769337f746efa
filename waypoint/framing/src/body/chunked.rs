//! Chunks (RFC 9112 section 7.1).
//!
//! What others read leniently is refused: `0x5`, `+5`, `5 ;`, a size that overflows, LF alone, data without its CRLF.

use http::header::{self, HeaderName};

use super::take;
use crate::head::{EndScanner, Section, for_each_line, resembles};
use crate::malformed::Reason;

/// A size has at most so many digits, leading zeros included.
const MOST_DIGITS: u8 = 16;
/// Extensions of a body in all, in bytes. hyper reads no more.
const MOST_EXTENSIONS: usize = 16 * 1024 - 1;

/// Fields that a recipient could take for those of the head (RFC 9110 section 6.5.1).
const FORBIDDEN: [HeaderName; 17] = [
    header::AUTHORIZATION,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::EXPECT,
    header::HOST,
    header::MAX_FORWARDS,
    header::PROXY_AUTHORIZATION,
    header::SET_COOKIE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::VIA,
];

/// A chunked body.
#[derive(Debug)]
pub(crate) struct Chunked {
    state: State,
    /// Bytes of extensions so far.
    extensions: usize,
}

#[derive(Debug)]
enum State {
    /// In the digits of a size.
    Size { digits: u8, size: u64 },
    /// Behind the semicolon of a size.
    Extension { size: u64 },
    /// Behind the CR of a size's line.
    SizeLf { size: u64 },
    /// In data, of which so much is left.
    Data { left: u64 },
    /// Behind data.
    DataCr,
    /// Behind the CR behind data.
    DataLf,
    /// Behind the last chunk.
    Trailers(EndScanner),
    /// Behind the trailers.
    Done,
}

const NEW_CHUNK: State = State::Size { digits: 0, size: 0 };

impl Chunked {
    pub(crate) fn new() -> Self {
        Self { state: NEW_CHUNK, extensions: 0 }
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// How many of `bytes` may pass: trailers all at once. An error means none of them.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> Result<usize, Reason> {
        let mut passed = 0;
        while let Some(rest) = bytes.get(passed..).filter(|rest| !rest.is_empty()) {
            match self.step(rest) {
                Ok(0) => break,
                Ok(more) => passed += more,
                Err(reason) if passed == 0 => return Err(reason),
                // Said by the next call, as the state is the same.
                Err(_) => break,
            }
        }
        Ok(passed)
    }

    /// Takes the next bytes, at least one of which there is. An error leaves the state as it is.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, Reason> {
        match &mut self.state {
            State::Data { left } => {
                let taken = take(left, bytes);
                if *left == 0 {
                    self.state = State::DataCr;
                }
                Ok(taken)
            }
            State::Trailers(end) => {
                let Some(extent) = end.find(bytes)? else {
                    return Ok(0);
                };
                for_each_line(bytes.get(..extent.end).unwrap_or_default(), |line| {
                    let is_forbidden = FORBIDDEN.iter().any(|name| resembles(line.name, name));
                    if is_forbidden { Err(Reason::ForbiddenTrailer) } else { Ok(()) }
                })?;
                self.state = State::Done;
                Ok(extent.end)
            }
            State::Done => Ok(0),
            State::Size { .. }
            | State::Extension { .. }
            | State::SizeLf { .. }
            | State::DataCr
            | State::DataLf => {
                self.state = self.step_byte(bytes.first().copied().unwrap_or_default())?;
                Ok(1)
            }
        }
    }

    /// The state behind a byte of a chunk's frame.
    fn step_byte(&mut self, byte: u8) -> Result<State, Reason> {
        match (&self.state, byte) {
            (State::Size { digits, size }, _) => match (hex(byte), byte) {
                (Some(digit), _) => larger(*digits, *size, digit),
                (None, b'\r') if *digits > 0 => Ok(State::SizeLf { size: *size }),
                (None, b';') if *digits > 0 => Ok(State::Extension { size: *size }),
                _ => Err(Reason::ChunkSize),
            },
            (State::Extension { size }, b'\r') => Ok(State::SizeLf { size: *size }),
            (State::Extension { size }, b'\t' | b' '..=b'~') if self.extensions < MOST_EXTENSIONS => {
                self.extensions += 1;
                Ok(State::Extension { size: *size })
            }
            (State::Extension { .. }, _) => Err(Reason::ChunkExtension),
            (State::SizeLf { size: 0 }, b'\n') => Ok(State::Trailers(EndScanner::new(Section::Trailers))),
            (State::SizeLf { size }, b'\n') => Ok(State::Data { left: *size }),
            (State::SizeLf { .. }, _) => Err(Reason::ChunkSize),
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(NEW_CHUNK),
            _ => Err(Reason::ChunkEnd),
        }
    }
}

/// A size with one more digit, within what peers that count in signed numbers can represent.
fn larger(digits: u8, size: u64, digit: u8) -> Result<State, Reason> {
    let larger = size.checked_mul(16).and_then(|size| size.checked_add(u64::from(digit)));
    let larger = larger.filter(|size| digits < MOST_DIGITS && i64::try_from(*size).is_ok());
    larger.map(|size| State::Size { digits: digits + 1, size }).ok_or(Reason::ChunkSize)
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests;
