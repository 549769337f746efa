//! Hostile input: bytes for the HTTP/2 server, text for the header parsers. A target first gets the files of its folder
//! below `__fuzz__`, if any, then random input.

use std::time::Duration;

use karez_tunnel::headers::{Baggage, Forwarded, Target, TraceParent};
use karez_tunnel::server;
use karez_tunnel::settings::Http2;
use karez_tunnel::window::{Budget, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

/// RFC 9113 section 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Serves the requests of `input` until it ends.
async fn serve(input: &[u8]) {
    let (mut far, near) = duplex(256 * 1024);
    let account = Budget::new(Limits { total: 1 << 20, share: 1 << 20 }).account();
    let settings = Http2 { streams: 8, handshake_timeout: Duration::from_millis(1), ..Http2::server() };
    let served = async {
        let Ok(mut incoming) = server::handshake(near, &settings, &account).await else {
            return;
        };
        let mut streams = Vec::new();
        while let Ok(Some(request)) = incoming.next().await {
            let known = request.authority().and_then(Target::parse);
            match request.is_connect().then_some(known) {
                Some(Some(_)) => streams.extend(request.accept()),
                _ => request.refuse(http::StatusCode::BAD_REQUEST),
            }
        }
    };
    let attack = async move {
        far.write_all(input).await.ok();
        far.shutdown().await.ok();
        let mut answer = Vec::new();
        far.read_to_end(&mut answer).await.ok();
    };
    tokio::join!(served, attack);
}

#[test]
fn any_bytes_end_in_an_error_or_an_end() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    bolero::check!().for_each(|bytes: &[u8]| {
        runtime.block_on(serve(bytes));
        runtime.block_on(serve(&[PREFACE, bytes].concat()));
    });
}

#[test]
fn any_frames_end_in_an_error_or_an_end() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    // Kind, flags, stream and payload of each frame, to get past the frame decoder.
    bolero::check!().with_type::<Vec<(u8, u8, u8, Vec<u8>)>>().for_each(|frames| {
        // An empty SETTINGS first, as the protocol requires.
        let mut input = [PREFACE, &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
        for (kind, flags, stream, payload) in frames {
            let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
            input.extend_from_slice(&length[1..]);
            input.extend_from_slice(&[kind % 11, *flags, 0, 0, 0, stream % 16]);
            input.extend_from_slice(payload);
        }
        runtime.block_on(serve(&input));
    });
}

#[test]
fn any_text_is_a_header_or_is_not() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let text = &*String::from_utf8_lossy(bytes);
        if let Some(forwarded) = Forwarded::parse(text) {
            assert!(forwarded.host.is_none_or(|host| host.len() <= text.len()));
        }
        let baggage = Baggage::parse(text);
        assert!(baggage.service.is_none_or(|name| !name.chars().any(char::is_control)));
        if let Some(trace) = TraceParent::parse(text) {
            assert_eq!(TraceParent::parse(&trace.to_string()), Some(trace));
        }
        if let Some(Target::Name { host, .. }) = Target::parse_text(text) {
            assert!(host.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase()));
        }
    });
}
