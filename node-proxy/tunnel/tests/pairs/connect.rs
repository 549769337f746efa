//! A client against a server: requests, answers, ends of streams and of connections.

use std::time::Duration;

use crate::endpoints::{
    Client, Order, Server, account, authority, link, local, pair, pair_with, read_all, send, stream,
};
use bytes::Bytes;
use h2::Reason;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, StatusCode};
use karez_tunnel::ResetReason;
use karez_tunnel::client::ConnectError;
use karez_tunnel::settings::Http2;
use karez_tunnel::{ConnectionError, StreamError};
use tokio::io::duplex;
use tokio::time::{Instant, sleep};

#[tokio::test]
async fn a_connect_carries_authority_and_headers_and_nothing_else() {
    local(async {
        let (client, mut server) = pair().await;
        let mut headers = HeaderMap::new();
        headers.insert("forwarded", HeaderValue::from_static("for=\"10.1.2.3:4\""));
        let connect = client.connection.connect(Authority::from_static("[fd00::7]:80"), headers.clone());
        let accept = async {
            let request = server.request().await;
            assert!(request.is_connect());
            assert_eq!(request.authority().unwrap(), "[fd00::7]:80");
            assert_eq!(request.headers(), &headers);
            request.accept().unwrap()
        };
        let (near, far) = tokio::join!(connect, accept);
        let (mut near, mut far) = (near.unwrap().split(), far.split());

        send(&mut near.1, b"ping").await;
        assert_eq!(far.0.data().await.unwrap().unwrap(), "ping");
        send(&mut far.1, b"pong").await;
        assert_eq!(near.0.data().await.unwrap().unwrap(), "pong");
    })
    .await;
}

#[tokio::test]
async fn a_request_is_accepted_when_what_was_asked_is_forgotten() {
    local(async {
        let (client, mut server) = pair().await;
        let mut headers = HeaderMap::new();
        headers.insert("large", HeaderValue::from_str(&"x".repeat(10_000)).unwrap());
        let connect = client.connection.connect(Authority::from_static("10.0.0.1:80"), headers);
        let accept = async {
            let mut request = server.request().await;
            request.forget();
            assert_eq!((request.headers().capacity(), request.authority()), (0, None));
            request.accept().unwrap()
        };
        let (near, far) = tokio::join!(connect, accept);
        let (mut near, mut far) = (near.unwrap().split(), far.split());
        send(&mut near.1, b"ping").await;
        assert_eq!(far.0.data().await.unwrap().unwrap(), "ping");
    })
    .await;
}

#[tokio::test]
async fn each_direction_ends_on_its_own() {
    local(async {
        let (client, mut server) = pair().await;
        for client_first in [true, false] {
            let (near, far) = stream(&client, &mut server).await;
            let (first, second) = if client_first { (near, far) } else { (far, near) };
            let (mut first, mut second) = (first.split(), second.split());
            send(&mut first.1, b"all I have").await;
            first.1.finish().unwrap();
            assert_eq!(read_all(&mut second.0).await, b"all I have");
            send(&mut second.1, b"an answer after your end").await;
            second.1.finish().unwrap();
            assert_eq!(read_all(&mut first.0).await, b"an answer after your end");
        }
        assert_eq!(client.connection.streams(), 0);
        assert!(client.connection.is_usable());
    })
    .await;
}

#[tokio::test]
async fn another_status_is_told_as_such() {
    local(async {
        let (client, mut server) = pair().await;
        let connect = client.connection.connect(authority(), HeaderMap::new());
        let refuse = async { server.request().await.refuse(StatusCode::UNAUTHORIZED) };
        let (refused, ()) = tokio::join!(connect, refuse);
        let error = refused.unwrap_err();
        assert!(matches!(error, ConnectError::Status(StatusCode::UNAUTHORIZED)), "{error}");
        assert!(!error.is_unprocessed());
        assert!(client.connection.is_usable());
    })
    .await;
}

#[tokio::test]
async fn a_request_that_is_dropped_is_reset() {
    local(async {
        let (client, mut server) = pair().await;
        let connect = client.connection.connect(authority(), HeaderMap::new());
        let forget = async { drop(server.request().await) };
        let (result, ()) = tokio::join!(connect, forget);
        assert!(matches!(result, Err(ConnectError::Broken(StreamError::Reset(_)))), "{result:?}");
    })
    .await;
}

#[tokio::test]
async fn a_client_that_gives_up_is_noticed_before_the_answer() {
    local(async {
        let (client, mut server) = pair().await;
        let connection = client.connection.clone();
        let connecting = tokio::task::spawn_local(async move {
            connection.connect(authority(), HeaderMap::new()).await.map(drop)
        });
        let mut request = server.request().await;
        connecting.abort();
        request.abandoned().await;
        assert!(request.accept().is_err());
    })
    .await;
}

#[tokio::test]
async fn a_reset_of_either_end_is_seen_by_the_other() {
    local(async {
        let (client, mut server) = pair().await;
        for client_resets in [true, false] {
            let (near, far) = stream(&client, &mut server).await;
            let (resetting, other) = if client_resets { (near, far) } else { (far, near) };
            let (mut resetting, mut other) = (resetting.split(), other.split());
            send(&mut resetting.1, b"lost or not").await;
            resetting.1.reset(ResetReason::CANCEL);
            let broken = loop {
                match other.0.data().await {
                    Ok(data) => assert!(data.is_some(), "a cut must not look like an end"),
                    Err(error) => break error,
                }
            };
            assert!(matches!(broken, StreamError::Reset(ResetReason::CANCEL)), "{broken}");
        }
    })
    .await;
}

#[tokio::test]
async fn no_more_streams_than_either_side_allows() {
    local(async {
        let few = Http2 { streams: 2, ..Http2::client() };
        let (client, mut server) = pair_with(&few, &Http2::server(), &account(), &account()).await;
        let first = stream(&client, &mut server).await;
        let _second = stream(&client, &mut server).await;
        assert!(!client.connection.has_room());
        let full = client.connection.connect(authority(), HeaderMap::new()).await;
        assert!(matches!(full, Err(ConnectError::Full)));
        drop(first);
        assert!(client.connection.has_room());

        let strict = Http2 { streams: 1, ..Http2::server() };
        let (client, mut server) = pair_with(&Http2::client(), &strict, &account(), &account()).await;
        let _only = stream(&client, &mut server).await;
        assert!(!client.connection.has_room(), "the peer's limit counts too");
    })
    .await;
}

#[tokio::test]
async fn an_aborted_connection_cuts_its_streams() {
    local(async {
        let (client, mut server) = pair().await;
        let (near, far) = stream(&client, &mut server).await;
        client.connection.abort();
        assert!(matches!(client.ended.await.unwrap(), Err(ConnectionError::Aborted)));
        assert!(near.split().0.data().await.is_err());
        assert!(far.split().0.data().await.is_err());
        assert!(!client.connection.is_usable());

        let (client, mut server) = pair().await;
        let (near, _far) = stream(&client, &mut server).await;
        server.orders.send(Order::Abort).unwrap();
        assert!(near.split().0.data().await.is_err());
        assert!(!client.connection.is_usable());
    })
    .await;
}

#[tokio::test]
async fn the_connection_ends_with_its_last_handle_and_stream() {
    local(async {
        let (client, mut server) = pair().await;
        let (near, far) = stream(&client, &mut server).await;
        drop(client.connection);
        let mut near = near.split();
        near.1.finish().unwrap();
        let mut far = far.split();
        assert_eq!(read_all(&mut far.0).await, b"");
        assert!(!client.ended.is_finished());
        far.1.finish().unwrap();
        assert_eq!(read_all(&mut near.0).await, b"");
        drop((near, far));
        client.ended.await.unwrap().unwrap();
        server.ended.await.unwrap().unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_vanished_is_given_up_after_a_ping() {
    local(async {
        let (client, mut server) = pair().await;
        let (near, _far) = stream(&client, &mut server).await;
        server.orders.send(Order::Vanish).unwrap();
        let begun = Instant::now();
        let ended = client.ended.await.unwrap();
        assert!(matches!(ended, Err(ConnectionError::Silent)), "{ended:?}");
        assert_eq!(begun.elapsed().as_secs(), 30, "10 s of silence, 20 s for an answer");
        assert!(near.split().0.data().await.is_err());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_gives_up_a_client_that_vanished() {
    local(async {
        let (client, mut server) = pair().await;
        let (_near, far) = stream(&client, &mut server).await;
        client.vanish.send(()).unwrap();
        let begun = Instant::now();
        let ended = server.ended.await.unwrap();
        assert!(matches!(ended, Err(ConnectionError::Silent)), "{ended:?}");
        assert_eq!(begun.elapsed().as_secs(), 30);
        assert!(far.split().0.data().await.is_err());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn idle_connections_and_live_peers_stay() {
    local(async {
        let forever = Http2 { idle: None, ..Http2::server() };
        let (client, mut server) = pair_with(&Http2::client(), &forever, &account(), &account()).await;
        sleep(Duration::from_secs(3_600)).await;
        assert!(client.connection.is_usable(), "no streams, no pings");
        let (_near, _far) = stream(&client, &mut server).await;
        sleep(Duration::from_secs(3_600)).await;
        assert!(client.connection.is_usable(), "pings are answered");
        let heard = client.connection.heard().elapsed();
        assert!(heard <= Duration::from_secs(10), "last heard {heard:?} ago");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_accepted_connection_that_nobody_uses_ends_in_time() {
    const NEARLY: Duration = Duration::from_secs(599);
    local(async {
        let (client, mut server) = pair().await;
        for _ in 0..3 {
            sleep(NEARLY).await;
            let (near, _far) = stream(&client, &mut server).await;
            sleep(2 * NEARLY).await;
            assert!(client.connection.is_usable(), "it is used");
            drop(near);
        }
        let begun = Instant::now();
        sleep(NEARLY).await;
        assert!(client.connection.is_usable(), "it was used");
        // An error is fine: the client may close first.
        server.ended.await.unwrap().ok();
        assert_eq!(begun.elapsed().as_secs(), 600);
        assert!(!client.connection.is_usable());
    })
    .await;
}

/// Without streams nobody sends it a PING.
#[tokio::test(start_paused = true)]
async fn an_idle_connection_of_a_peer_that_vanished_ends_in_time() {
    local(async {
        let (client, server) = pair().await;
        let begun = Instant::now();
        sleep(Duration::from_secs(1)).await;
        client.vanish.send(()).unwrap();
        let ended = server.ended.await.unwrap();
        assert!(matches!(ended, Err(ConnectionError::Silent)), "{ended:?}");
        assert_eq!(begun.elapsed().as_secs(), 620);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_tells_the_living_from_the_dead() {
    local(async {
        let (client, server) = pair().await;
        let within = Duration::from_secs(1);
        client.connection.probe(within).await.unwrap();
        let both = tokio::join!(client.connection.probe(within), client.connection.probe(within));
        assert_eq!(both, (Ok(()), Ok(())));
        server.orders.send(Order::Vanish).unwrap();
        tokio::task::yield_now().await;
        let begun = Instant::now();
        client.connection.probe(within).await.unwrap_err();
        assert_eq!(begun.elapsed(), within);
        server.ended.abort();
        client.ended.await.unwrap().ok();
        client.connection.probe(within).await.unwrap_err();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_has_so_long_for_its_handshake() {
    local(async {
        let (_near, far) = duplex(1024);
        let mut server = Server::spawn(far, Http2::server(), account());
        let ended = (&mut server.ended).await.unwrap();
        assert!(matches!(ended, Err(ConnectionError::HandshakeTimeout)), "{ended:?}");
    })
    .await;
}

#[tokio::test]
async fn a_header_list_that_is_too_long_harms_only_its_own_stream() {
    local(async {
        let (client, mut server) = pair().await;
        let mut headers = HeaderMap::new();
        headers.insert("baggage", HeaderValue::try_from("x".repeat(70 * 1024)).unwrap());
        let refused = client.connection.connect(authority(), headers).await;
        assert!(
            matches!(refused, Err(ConnectError::Status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE))),
            "{refused:?}"
        );
        let _works = stream(&client, &mut server).await;
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_resets_ends_the_connection() {
    local(async {
        let (near, far) = duplex(1 << 20);
        let mut server = Server::spawn(far, Http2::server(), account());
        let (mut request, driver) = h2::client::handshake(near).await.unwrap();
        let driver = tokio::task::spawn_local(driver);
        while !server.ended.is_finished() {
            // Faster than a server can accept: request and reset leave together.
            for _ in 0..50 {
                let uri = http::Uri::from(authority());
                let connect = http::Request::connect(uri).body(()).unwrap();
                let Ok((_, mut send)) = request.send_request(connect, false) else {
                    break;
                };
                send.send_reset(Reason::CANCEL);
            }
            tokio::task::yield_now().await;
        }
        let ended = (&mut server.ended).await.unwrap();
        let calm = matches!(&ended, Err(ConnectionError::Http2(error))
            if error.reason() == Some(ResetReason::ENHANCE_YOUR_CALM));
        assert!(calm, "{ended:?}");
        driver.await.unwrap().unwrap_err();
    })
    .await;
}

/// Bytes that the peer sent before it heard of the resets are not its fault.
#[tokio::test(start_paused = true)]
async fn streams_that_are_cut_at_once_in_mid_transfer_harm_no_other() {
    local(async {
        let (near, far) = link(Duration::from_millis(10));
        let mut server = Server::spawn(far, Http2::server(), account());
        let settings = Http2 { streams: 200, ..Http2::client() };
        let client = Client::spawn(near, &settings, &account()).await;
        let (kept, theirs) = stream(&client, &mut server).await;
        let (mut near, mut far) = (Vec::new(), Vec::new());
        for _ in 1..settings.streams {
            let (sends, is_cut) = stream(&client, &mut server).await;
            near.push(sends.split());
            far.push(is_cut);
        }
        for (_, writer) in &mut near {
            writer.send_all(Bytes::from(vec![7; 64 << 10])).await.unwrap();
        }
        sleep(Duration::from_millis(5)).await;
        drop(far);
        sleep(Duration::from_secs(1)).await;
        for (reader, _) in &mut near {
            let cut = reader.data().await;
            assert!(matches!(cut, Err(StreamError::Reset(ResetReason::CANCEL))), "{cut:?}");
        }
        let ((_unused, mut writer), (mut reader, _unanswered)) = (kept.split(), theirs.split());
        send(&mut writer, b"still here").await;
        writer.finish().unwrap();
        assert_eq!(read_all(&mut reader).await, b"still here");
    })
    .await;
}

#[tokio::test]
async fn a_peer_with_istio_settings_is_understood() {
    local(async {
        let (near, far) = duplex(64 * 1024);
        let mut server = Server::spawn(far, Http2::server(), account());
        let mut istio = h2::client::Builder::new();
        istio.initial_window_size(4 << 20).initial_connection_window_size(16 << 20).max_frame_size(1 << 20);
        istio.max_header_list_size(16 << 10).enable_push(false);
        let (mut request, driver) = istio.handshake::<_, Bytes>(near).await.unwrap();
        tokio::task::spawn_local(driver);
        let connect = http::Request::connect(http::Uri::from(authority())).body(()).unwrap();
        let (response, mut send) = request.send_request(connect, false).unwrap();
        let far = server.request().await.accept().unwrap();
        assert_eq!(response.await.unwrap().status(), StatusCode::OK);
        send.send_data(Bytes::from_static(b"hello"), true).unwrap();
        assert_eq!(read_all(&mut far.split().0).await, b"hello");
    })
    .await;
}
