//! A server that shuts down gracefully (RFC 9113 section 6.8).

use std::time::Duration;

use http::HeaderMap;
use karez_tunnel::settings::Http2;
use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::endpoints::{
    Client, Order, Server, account, authority, link, local, pair, read_all, send, stream,
};

#[tokio::test]
async fn goaway_lets_streams_finish_and_takes_no_new_ones() {
    local(async {
        let (client, mut server) = pair().await;
        let (near, far) = stream(&client, &mut server).await;
        server.orders.send(Order::ShutDown).unwrap();
        while client.connection.is_usable() {
            tokio::task::yield_now().await;
        }
        let late = client.connection.connect(authority(), HeaderMap::new()).await;
        assert!(matches!(&late, Err(error) if error.is_unprocessed()), "{late:?}");

        let (mut near, mut far) = (near.split(), far.split());
        send(&mut near.1, b"still").await;
        near.1.finish().unwrap();
        assert_eq!(read_all(&mut far.0).await, b"still");
        assert!(!server.ended.is_finished());
        far.1.finish().unwrap();
        assert_eq!(read_all(&mut near.0).await, b"");
        drop((near, far));
        server.ended.await.unwrap().unwrap();
        client.ended.await.unwrap().unwrap();
    })
    .await;
}

/// RFC 9113 section 6.8. A refused CONNECT must be sent again, and not every peer does that.
#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_when_goaway_is_said_is_served_and_what_comes_much_later_is_not() {
    local(async {
        for (latency, is_served) in [(Duration::from_millis(500), true), (Duration::from_secs(5), false)] {
            let (near, far) = link(latency);
            let mut server = Server::spawn(far, Http2::server(), account());
            let client = Client::spawn(near, &Http2::client(), &account()).await;
            let held = stream(&client, &mut server).await;
            server.orders.send(Order::ShutDown).unwrap();
            let connection = client.connection.clone();
            let late = spawn_local(async move { connection.connect(authority(), HeaderMap::new()).await });
            if is_served {
                let _far = server.request().await.accept().unwrap();
                late.await.unwrap().unwrap();
            } else {
                let error = late.await.unwrap().unwrap_err();
                assert!(error.is_unprocessed(), "{error}");
            }
            drop((held, client.connection));
            server.ended.await.unwrap().unwrap();
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_opened_while_an_idle_connection_ends_is_served() {
    local(async {
        let (near, far) = link(Duration::from_secs(1));
        let mut server = Server::spawn(far, Http2::server(), account());
        let client = Client::spawn(near, &Http2::client(), &account()).await;
        // This request crosses the GOAWAY.
        sleep(Duration::from_secs(600)).await;
        let (near, far) = stream(&client, &mut server).await;
        sleep(Duration::from_secs(60)).await;
        let ((mut reader, mut writer), (mut there, mut back)) = (near.split(), far.split());
        send(&mut writer, b"still served").await;
        writer.finish().unwrap();
        back.finish().unwrap();
        assert_eq!(read_all(&mut there).await, b"still served");
        assert_eq!(read_all(&mut reader).await, b"");
        drop((reader, writer, there, back));
        server.ended.await.unwrap().unwrap();
    })
    .await;
}
