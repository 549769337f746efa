use std::sync::Arc;

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use karez_mesh::names::{Addressing, Resolution};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::LocalSet;

use super::*;
use crate::counters::Counters;
use crate::resolver::ResolverLimits;

/// A listener on loopback that reports `server` as the dialled address.
struct Loopback {
    listener: TcpListener,
    server: SocketAddr,
    stopping: watch::Receiver<bool>,
}

impl TcpSockets for Loopback {
    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, _) = self.listener.accept().await?;
        Ok((stream, self.server))
    }

    async fn dial(&self, server: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(server).await
    }

    async fn stopping(&self) {
        if self.stopping.clone().wait_for(|stopping| *stopping).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn spawn(task: Task) {
    tokio::task::spawn_local(task);
}

fn mesh(host: &str) -> Option<Resolution> {
    (host == "web.shop.").then(|| Resolution {
        v4: vec![[10, 0, 0, 1].into()],
        v6: Vec::new(),
        canonical: None,
        addressing: Addressing::Virtual,
    })
}

/// A served Pod, and a client's connection in it.
async fn pod(server: SocketAddr) -> (TcpStream, Arc<Counters>) {
    let (_, stopping) = watch::channel(false);
    pod_until(server, stopping).await
}

/// The same, until it stops.
async fn pod_until(server: SocketAddr, stopping: watch::Receiver<bool>) -> (TcpStream, Arc<Counters>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let counters = Arc::new(Counters::default());
    let resolver = Resolver::new(mesh as fn(&str) -> _, ResolverLimits::default(), Arc::clone(&counters));
    tokio::task::spawn_local(serve(Rc::new(Loopback { listener, server, stopping }), resolver, spawn));
    (TcpStream::connect(address).await.unwrap(), counters)
}

async fn server() -> (TcpListener, SocketAddr) {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    (server, address)
}

fn query(id: u16, name: &str, kind: RecordType) -> Vec<u8> {
    let mut message = Message::query();
    message.metadata.id = id;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    message.to_vec().unwrap()
}

async fn write(stream: &mut TcpStream, message: &[u8]) {
    stream.write_u16(u16::try_from(message.len()).unwrap()).await.unwrap();
    stream.write_all(message).await.unwrap();
}

async fn read(stream: &mut TcpStream) -> Vec<u8> {
    let mut message = vec![0; usize::from(stream.read_u16().await.unwrap())];
    stream.read_exact(&mut message).await.unwrap();
    message
}

fn code(answer: &[u8]) -> ResponseCode {
    Message::from_vec(answer).unwrap().metadata.response_code
}

#[tokio::test]
async fn several_queries_on_a_connection_are_answered_in_any_order() {
    LocalSet::new()
        .run_until(async {
            let (server, address) = server().await;
            let (mut client, counters) = pod(address).await;
            let (first, second) =
                (query(1, "example.org.", RecordType::A), query(2, "a.org.", RecordType::TXT));
            for asked in [&first, &query(3, "web.shop.", RecordType::A), &second] {
                write(&mut client, asked).await;
            }
            let own = Message::from_vec(&read(&mut client).await).unwrap();
            assert_eq!((own.metadata.id, own.answers[0].data.to_string()), (3, "10.0.0.1".to_owned()));
            let (mut upstream, _) = server.accept().await.unwrap();
            assert_eq!(read(&mut upstream).await, first);
            assert_eq!(read(&mut upstream).await, second);
            // The second first, and large; the first in two messages, like a zone transfer.
            let large = [&second[..], &[7; 50_000]].concat();
            let parts = [[&first[..], b"one"].concat(), [&first[..], b"two"].concat()];
            for answer in [&large, &parts[0], &parts[1]] {
                write(&mut upstream, answer).await;
            }
            for answer in [&large, &parts[0], &parts[1]] {
                assert_eq!(&read(&mut client).await, answer);
            }
            assert_eq!((counters.requests(), counters.forwarded(), counters.failed()), (3, 2, 0));
        })
        .await;
}

#[tokio::test]
async fn a_client_that_has_finished_still_gets_its_answers() {
    LocalSet::new()
        .run_until(async {
            let (server, address) = server().await;
            let (mut client, _) = pod(address).await;
            let asked = query(1, "example.org.", RecordType::A);
            write(&mut client, &asked).await;
            client.shutdown().await.unwrap();
            let (mut upstream, _) = server.accept().await.unwrap();
            assert_eq!(read(&mut upstream).await, asked);
            write(&mut upstream, &asked).await;
            assert_eq!(read(&mut client).await, asked);
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        })
        .await;
}

#[tokio::test]
async fn a_server_that_breaks_off_fails_what_waits_and_is_dialled_again() {
    LocalSet::new()
        .run_until(async {
            let (server, address) = server().await;
            let (mut client, counters) = pod(address).await;
            for id in [1, 2] {
                write(&mut client, &query(id, "example.org.", RecordType::A)).await;
            }
            let (mut upstream, _) = server.accept().await.unwrap();
            read(&mut upstream).await;
            read(&mut upstream).await;
            drop(upstream);
            for id in [1, 2] {
                let answer = read(&mut client).await;
                assert_eq!((message::id(&answer), code(&answer)), (Some(id), ResponseCode::ServFail));
            }
            let asked = query(3, "example.org.", RecordType::A);
            write(&mut client, &asked).await;
            let (mut upstream, _) = server.accept().await.unwrap();
            assert_eq!(read(&mut upstream).await, asked);
            assert_eq!(counters.failed(), 2);
        })
        .await;
}

#[tokio::test]
async fn what_waits_when_a_server_closes_a_connection_that_worked_goes_to_a_new_one() {
    LocalSet::new()
        .run_until(async {
            let (server, address) = server().await;
            let (mut client, counters) = pod(address).await;
            let first = query(1, "example.org.", RecordType::A);
            write(&mut client, &first).await;
            let (mut upstream, _) = server.accept().await.unwrap();
            assert_eq!(read(&mut upstream).await, first);
            write(&mut upstream, &first).await;
            assert_eq!(read(&mut client).await, first);
            let next = [query(2, "example.org.", RecordType::A), query(3, "example.org.", RecordType::A)];
            for asked in &next {
                write(&mut client, asked).await;
                assert_eq!(&read(&mut upstream).await, asked);
            }
            drop(upstream);
            let (mut upstream, _) = server.accept().await.unwrap();
            for asked in &next {
                assert_eq!(&read(&mut upstream).await, asked);
                write(&mut upstream, asked).await;
                assert_eq!(&read(&mut client).await, asked);
            }
            assert_eq!(counters.failed(), 0);
        })
        .await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_failure() {
    LocalSet::new()
        .run_until(async {
            let (gone, address) = server().await;
            drop(gone);
            let (mut client, _) = pod(address).await;
            write(&mut client, &query(1, "example.org.", RecordType::A)).await;
            assert_eq!(code(&read(&mut client).await), ResponseCode::ServFail);
        })
        .await;
}

#[tokio::test]
async fn a_server_that_is_silent_fails_in_time_while_the_client_goes_on() {
    LocalSet::new()
        .run_until(async {
            let (silent, address) = server().await;
            let (mut client, _) = pod(address).await;
            let begun = Instant::now();
            write(&mut client, &query(1, "example.org.", RecordType::A)).await;
            let (mut upstream, _) = silent.accept().await.unwrap();
            read(&mut upstream).await;
            // Answered at once, which must not extend the wait for the server.
            for _ in 0..3 {
                write(&mut client, &query(2, "web.shop.", RecordType::A)).await;
                assert_eq!(code(&read(&mut client).await), ResponseCode::NoError);
            }
            tokio::time::pause();
            assert_eq!(code(&read(&mut client).await), ResponseCode::ServFail);
            assert!(begun.elapsed() >= FORWARD_TIMEOUT);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed() {
    LocalSet::new()
        .run_until(async {
            let (mut client, _) = pod("192.0.2.53:53".parse().unwrap()).await;
            let begun = Instant::now();
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
            assert!(begun.elapsed() >= IDLE);
        })
        .await;
}

#[tokio::test]
async fn when_the_pod_is_stopping_what_was_asked_is_answered_and_what_is_idle_ends() {
    LocalSet::new()
        .run_until(async {
            let (server, address) = server().await;
            let (stop, stopping) = watch::channel(false);
            let (mut client, _) = pod_until(address, stopping).await;
            let asked = query(1, "example.org.", RecordType::A);
            write(&mut client, &asked).await;
            let (mut upstream, _) = server.accept().await.unwrap();
            assert_eq!(read(&mut upstream).await, asked);
            stop.send_replace(true);
            tokio::task::yield_now().await;
            write(&mut upstream, &asked).await;
            assert_eq!(read(&mut client).await, asked);
            let begun = Instant::now();
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
            assert!(begun.elapsed() < IDLE / 2, "an idle one is waited for");

            // A connection without a query yet may still ask.
            let (mut client, _) = pod_until(address, stop.subscribe()).await;
            write(&mut client, &query(2, "web.shop.", RecordType::A)).await;
            assert_eq!(code(&read(&mut client).await), ResponseCode::NoError);
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        })
        .await;
}
