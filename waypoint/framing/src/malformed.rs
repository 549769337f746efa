//! Why a message is refused.

mod answer;

use http::StatusCode;

/// A refused message. The connection that it came on ends: nobody knows where its next message begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed HTTP/1 {message}: {reason}")]
pub struct Malformed {
    /// The direction.
    pub message: Message,
    /// What is wrong with it.
    pub reason: Reason,
}

impl Malformed {
    /// The status for the client: what the reason asks for, or 502 if the answer of a backend is malformed.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.message {
            Message::Request => self.reason.status(),
            Message::Response => StatusCode::BAD_GATEWAY,
        }
    }
}

/// The direction of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// From a client.
    Request,
    /// From a backend.
    Response,
}

impl std::fmt::Display for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Request => "request",
            Self::Response => "response",
        })
    }
}

/// What is wrong with a message. [`Self::word`] names it in logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Reason {
    /// The start line of a request is not `method SP target SP version`.
    #[error("the request line is not \"METHOD target HTTP/1.1\" with single spaces")]
    RequestLine,
    /// The target has a wrong form, a byte that no URI has, user information or a fragment.
    #[error("the request target is neither a path, nor an http URI, nor the * of OPTIONS")]
    Target,
    /// A version other than 1.0 and 1.1.
    #[error("the version is neither HTTP/1.0 nor HTTP/1.1")]
    UnknownVersion,
    /// The client speaks HTTP/2 on a connection of HTTP/1.
    #[error("an HTTP/2 preface on an HTTP/1 connection")]
    Http2Preface,
    /// CONNECT inside a connection: the waypoint is no forward proxy.
    #[error("CONNECT is not served")]
    InnerConnect,
    /// `Upgrade: h2c` or `HTTP2-Settings`: HTTP/2 that would get past the policies of HTTP/1.
    #[error("an upgrade to cleartext HTTP/2 is not served")]
    CleartextHttp2,
    /// HTTP/1.1 without `Host`.
    #[error("no Host header")]
    NoHost,
    /// Two `Host` lines.
    #[error("more than one Host header")]
    TwoHosts,
    /// `Host` is empty, or not a host with an optional port.
    #[error("the Host header is not a host with an optional port")]
    InvalidHost,
    /// The target's authority and `Host` differ.
    #[error("the Host header differs from the authority of the target")]
    HostMismatch,
    /// An expectation other than one `100-continue`.
    #[error("an expectation other than 100-continue")]
    Expectation,
    /// The start line of a response is not `version SP status SP reason`.
    #[error("the status line is not \"HTTP/1.1 200 reason\"")]
    StatusLine,
    /// A 1xx or 204 response with a body's framing (RFC 9112 section 6.3).
    #[error("a body is announced where the status allows none")]
    BodyNotAllowed,
    /// 101 to a request that asked for no such upgrade.
    #[error("101 for a protocol that the request did not ask for")]
    UnaskedUpgrade,
    /// Too many 1xx responses before the final one.
    #[error("too many informational responses")]
    TooManyInformational,
    /// Bytes from the backend while no request waits for an answer.
    #[error("bytes that answer no request")]
    Unsolicited,
    /// A head that does not end within [`MAX_HEAD`](crate::MAX_HEAD).
    #[error("the head is larger than 64 KiB")]
    HeadTooLarge,
    /// More than [`MAX_HEADERS`](crate::MAX_HEADERS) lines.
    #[error("more than 256 header lines")]
    TooManyHeaders,
    /// A line that ends without CR.
    #[error("LF without CR")]
    BareLf,
    /// CR that no LF follows.
    #[error("CR without LF")]
    BareCr,
    /// NUL or another control byte.
    #[error("a control byte in a header")]
    ControlByte,
    /// A header continued on a line that begins with white space (RFC 9112 section 5.2).
    #[error("a folded header line")]
    Fold,
    /// White space between a name and its colon (RFC 9112 section 5.1).
    #[error("white space before the colon of a header")]
    SpaceBeforeColon,
    /// A name that is no token, or a line without a colon.
    #[error("a header name that is no token")]
    HeaderName,
    /// `_` instead of `-` in a name that decides framing: servers that map both to one variable read it.
    #[error("a header name that differs from a framing header by _ for -")]
    ConfusableName,
    /// Two `Content-Length` lines, equal or not.
    #[error("more than one Content-Length header")]
    TwoLengths,
    /// `Content-Length` is not a plain decimal number below 2^63.
    #[error("the Content-Length is not a decimal number below 2^63")]
    InvalidLength,
    /// `Content-Length` beside `Transfer-Encoding`.
    #[error("both Content-Length and Transfer-Encoding")]
    LengthAndChunked,
    /// Two `Transfer-Encoding` lines.
    #[error("more than one Transfer-Encoding header")]
    TwoTransferEncodings,
    /// `chunked` is absent, repeated, not last or misspelt.
    #[error("the Transfer-Encoding does not end in one chunked")]
    TransferEncoding,
    /// A coding before `chunked`.
    #[error("a transfer coding other than chunked")]
    TransferCoding,
    /// `Transfer-Encoding` in HTTP/1.0 (RFC 9112 section 6.1).
    #[error("Transfer-Encoding in HTTP/1.0")]
    ChunkedOnHttp10,
    /// `Connection` is not a list of tokens.
    #[error("the Connection header is not a list of tokens")]
    InvalidConnection,
    /// `Connection` names a header that the next hop needs: dropping it as hop-by-hop would change the request.
    #[error("the Connection header names an end-to-end header")]
    ConnectionNamesHeader,
    /// A chunk size that is not 1 to 16 hexadecimal digits below 2^63, or not followed by `;` or CRLF.
    #[error("the chunk size is not a hexadecimal number below 2^63 and a CRLF")]
    ChunkSize,
    /// A control byte in a chunk extension, or extensions above the limit.
    #[error("a chunk extension with a control byte, or above 16 KiB in all")]
    ChunkExtension,
    /// No CRLF behind the data of a chunk.
    #[error("no CRLF where the chunk ends")]
    ChunkEnd,
    /// A trailer that may only stand in a head (RFC 9110 section 6.5.1).
    #[error("a trailer that decides framing, routing or authentication")]
    ForbiddenTrailer,
    /// Trailers above [`MAX_TRAILERS`](crate::MAX_TRAILERS).
    #[error("the trailers are larger than 16 KiB")]
    TrailersTooLarge,
    /// The connection ended within a head or a body.
    #[error("the connection ended within the message")]
    Truncated,
}

impl Reason {
    /// The stable word for logs and metrics: the variant's name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::RequestLine => "RequestLine",
            Self::Target => "Target",
            Self::UnknownVersion => "UnknownVersion",
            Self::Http2Preface => "Http2Preface",
            Self::InnerConnect => "InnerConnect",
            Self::CleartextHttp2 => "CleartextHttp2",
            Self::NoHost => "NoHost",
            Self::TwoHosts => "TwoHosts",
            Self::InvalidHost => "InvalidHost",
            Self::HostMismatch => "HostMismatch",
            Self::Expectation => "Expectation",
            Self::StatusLine => "StatusLine",
            Self::BodyNotAllowed => "BodyNotAllowed",
            Self::UnaskedUpgrade => "UnaskedUpgrade",
            Self::TooManyInformational => "TooManyInformational",
            Self::Unsolicited => "Unsolicited",
            Self::HeadTooLarge => "HeadTooLarge",
            Self::TooManyHeaders => "TooManyHeaders",
            Self::BareLf => "BareLf",
            Self::BareCr => "BareCr",
            Self::ControlByte => "ControlByte",
            Self::Fold => "Fold",
            Self::SpaceBeforeColon => "SpaceBeforeColon",
            Self::HeaderName => "HeaderName",
            Self::ConfusableName => "ConfusableName",
            Self::TwoLengths => "TwoLengths",
            Self::InvalidLength => "InvalidLength",
            Self::LengthAndChunked => "LengthAndChunked",
            Self::TwoTransferEncodings => "TwoTransferEncodings",
            Self::TransferEncoding => "TransferEncoding",
            Self::TransferCoding => "TransferCoding",
            Self::ChunkedOnHttp10 => "ChunkedOnHttp10",
            Self::InvalidConnection => "InvalidConnection",
            Self::ConnectionNamesHeader => "ConnectionNamesHeader",
            Self::ChunkSize => "ChunkSize",
            Self::ChunkExtension => "ChunkExtension",
            Self::ChunkEnd => "ChunkEnd",
            Self::ForbiddenTrailer => "ForbiddenTrailer",
            Self::TrailersTooLarge => "TrailersTooLarge",
            Self::Truncated => "Truncated",
        }
    }

    /// The status for a client whose request is refused.
    fn status(self) -> StatusCode {
        match self {
            Self::HeadTooLarge | Self::TooManyHeaders | Self::TrailersTooLarge => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            // RFC 9112 section 6.1 for the coding, RFC 9110 section 15.6.2 for the method.
            Self::InnerConnect | Self::TransferCoding => StatusCode::NOT_IMPLEMENTED,
            Self::UnknownVersion | Self::Http2Preface => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

#[cfg(test)]
mod tests;
