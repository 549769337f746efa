use std::cell::Cell;
use std::sync::Arc;

use hickory_proto::op::{Message, Query as Question, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use karez_mesh::names::{Addressing, Resolution};
use tokio::task::{AbortHandle, LocalSet};

use super::*;
use crate::counters::Counters;
use crate::resolver::ResolverLimits;

/// A listener on loopback that reports `server` as the asked address.
struct Loopback {
    listener: UdpSocket,
    server: SocketAddr,
    /// Source addresses of the answers.
    seemed: Cell<Option<SocketAddr>>,
}

impl UdpSockets for Loopback {
    async fn receive(&self) -> io::Result<Query> {
        let mut buffer = vec![0; 65535];
        let (length, client) = self.listener.recv_from(&mut buffer).await?;
        buffer.truncate(length);
        Ok(Query { bytes: buffer, client, server: self.server })
    }

    async fn upstream(&self, server: SocketAddr) -> io::Result<UdpSocket> {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        socket.connect(server).await?;
        Ok(socket)
    }

    async fn reply(&self, server: SocketAddr, client: SocketAddr, answer: &[u8]) -> io::Result<()> {
        self.seemed.set(Some(server));
        self.listener.send_to(answer, client).await.map(drop)
    }
}

fn mesh(host: &str) -> Option<Resolution> {
    (host == "web.shop.").then(|| Resolution {
        v4: vec![[10, 0, 0, 1].into()],
        v6: Vec::new(),
        canonical: None,
        addressing: Addressing::Virtual,
    })
}

type Resolve = fn(&str) -> Option<Resolution>;

struct Pod {
    client: UdpSocket,
    sockets: Rc<Loopback>,
    counters: Arc<Counters>,
    resolver: Rc<Resolver<Resolve>>,
    listening: AbortHandle,
}

fn spawn(task: Task) {
    tokio::task::spawn_local(task);
}

/// A served Pod, and a client in it.
async fn pod(server: SocketAddr) -> Pod {
    let listener = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.connect(listener.local_addr().unwrap()).await.unwrap();
    let counters = Arc::new(Counters::default());
    let resolver = Resolver::new(mesh as fn(&str) -> _, ResolverLimits::default(), Arc::clone(&counters));
    let sockets = Rc::new(Loopback { listener, server, seemed: Cell::new(None) });
    let listening = tokio::task::spawn_local(serve(Rc::clone(&sockets), Rc::clone(&resolver), spawn));
    Pod { client, sockets, counters, resolver, listening: listening.abort_handle() }
}

async fn server() -> (UdpSocket, SocketAddr) {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    (server, address)
}

fn query(name: &str, kind: RecordType) -> Vec<u8> {
    let mut message = Message::query();
    message.add_query(Question::query(Name::from_ascii(name).unwrap(), kind));
    message.to_vec().unwrap()
}

async fn received(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 65535];
    let length = socket.recv(&mut buffer).await.unwrap();
    buffer.truncate(length);
    buffer
}

fn code(answer: &[u8]) -> ResponseCode {
    Message::from_vec(answer).unwrap().metadata.response_code
}

#[tokio::test]
async fn a_name_of_the_mesh_is_answered_as_if_by_the_server_that_was_asked() {
    LocalSet::new()
        .run_until(async {
            let asked = "192.0.2.53:53".parse().unwrap();
            let pod = pod(asked).await;
            pod.client.send(&query("web.shop.", RecordType::A)).await.unwrap();
            let answer = Message::from_vec(&received(&pod.client).await).unwrap();
            assert_eq!(answer.answers[0].data.to_string(), "10.0.0.1");
            assert_eq!(pod.sockets.seemed.get(), Some(asked));
            assert_eq!((pod.counters.requests(), pod.counters.answered()), (1, 1));
        })
        .await;
}

#[tokio::test]
async fn bytes_are_forwarded_unharmed_both_ways() {
    LocalSet::new()
        .run_until(async {
            let (server, address) = server().await;
            let pod = pod(address).await;
            // The bytes behind the question are meaningless here.
            let mut asked = query("web.shop.", RecordType::SRV);
            asked.extend_from_slice(&[0xff; 3000]);
            pod.client.send(&asked).await.unwrap();
            let mut buffer = vec![0; 65535];
            let (length, from) = server.recv_from(&mut buffer).await.unwrap();
            assert_eq!(buffer[..length], asked);
            // First an answer to another query.
            let mut answer = asked.clone();
            answer[0] ^= 1;
            server.send_to(&answer, from).await.unwrap();
            answer[0] ^= 1;
            answer.extend_from_slice(&[0; 40_000]);
            server.send_to(&answer, from).await.unwrap();
            assert_eq!(received(&pod.client).await, answer);
            assert_eq!(pod.sockets.seemed.get(), Some(address));
            assert_eq!((pod.counters.forwarded(), pod.counters.failed()), (1, 0));
        })
        .await;
}

#[tokio::test]
async fn nobody_but_the_server_that_was_asked_is_heard() {
    LocalSet::new()
        .run_until(async {
            let (server, address) = server().await;
            let pod = pod(address).await;
            let asked = query("example.org.", RecordType::A);
            pod.client.send(&asked).await.unwrap();
            let mut buffer = [0; 512];
            let (_, from) = server.recv_from(&mut buffer).await.unwrap();
            let forger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            forger.send_to(&[&asked[..], b"forged"].concat(), from).await.unwrap();
            let honest = [&asked[..], b"honest"].concat();
            server.send_to(&honest, from).await.unwrap();
            assert_eq!(received(&pod.client).await, honest);
        })
        .await;
}

#[tokio::test]
async fn a_server_that_only_sends_what_was_not_asked_for_is_given_up() {
    LocalSet::new()
        .run_until(async {
            let (server, address) = server().await;
            let pod = pod(address).await;
            let asked = query("example.org.", RecordType::A);
            pod.client.send(&asked).await.unwrap();
            let (_, node) = server.recv_from(&mut [0; 512]).await.unwrap();
            let mut stray = asked.clone();
            stray[0] ^= 1;
            for _ in 0..STRAY {
                server.send_to(&stray, node).await.unwrap();
            }
            let answer = timeout(FORWARD_TIMEOUT / 2, received(&pod.client)).await;
            assert_eq!(code(&answer.expect("it was waited for")), ResponseCode::ServFail);
        })
        .await;
}

#[tokio::test]
async fn who_has_asked_is_answered_though_nobody_listens_any_more() {
    LocalSet::new()
        .run_until(async {
            let (server, address) = server().await;
            let pod = pod(address).await;
            let asked = query("example.org.", RecordType::A);
            pod.client.send(&asked).await.unwrap();
            let mut buffer = [0; 512];
            let (length, proxy) = server.recv_from(&mut buffer).await.unwrap();
            pod.listening.abort();
            tokio::task::yield_now().await;
            server.send_to(&buffer[..length], proxy).await.unwrap();
            assert_eq!(received(&pod.client).await, asked);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_is_a_failure_in_time() {
    LocalSet::new()
        .run_until(async {
            let (_silent, address) = server().await;
            let pod = pod(address).await;
            let begun = tokio::time::Instant::now();
            pod.client.send(&query("example.org.", RecordType::A)).await.unwrap();
            assert_eq!(code(&received(&pod.client).await), ResponseCode::ServFail);
            assert!(begun.elapsed() >= FORWARD_TIMEOUT && begun.elapsed() < 2 * FORWARD_TIMEOUT);
        })
        .await;
}

#[tokio::test]
async fn too_many_forwarded_at_a_time_are_dropped_and_the_mesh_still_answers() {
    LocalSet::new()
        .run_until(async {
            let (server, address) = server().await;
            let pod = pod(address).await;
            let room = pod.resolver.room(&Decision::Forward);
            let all = u32::try_from(room.available_permits()).unwrap();
            let held = room.try_acquire_many_owned(all).unwrap();
            pod.client.send(&query("example.org.", RecordType::A)).await.unwrap();
            while pod.counters.dropped() == 0 {
                tokio::task::yield_now().await;
            }
            pod.client.send(&query("web.shop.", RecordType::A)).await.unwrap();
            assert_eq!(code(&received(&pod.client).await), ResponseCode::NoError);
            drop(held);
            pod.client.send(&query("example.org.", RecordType::A)).await.unwrap();
            server.recv_from(&mut [0; 512]).await.unwrap();
            assert_eq!((pod.counters.requests(), pod.counters.dropped()), (3, 1));
        })
        .await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_failure_at_once() {
    LocalSet::new()
        .run_until(async {
            let (gone, address) = server().await;
            drop(gone);
            let pod = pod(address).await;
            pod.client.send(&query("example.org.", RecordType::A)).await.unwrap();
            let answer = timeout(FORWARD_TIMEOUT / 2, received(&pod.client)).await;
            assert_eq!(code(&answer.expect("it was waited for")), ResponseCode::ServFail);
            assert_eq!(pod.counters.failed(), 1);
        })
        .await;
}
