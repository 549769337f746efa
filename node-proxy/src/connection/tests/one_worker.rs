//! One worker, with the other ends of its connections on loopback.

use std::future::pending;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use karez_api::outcome::{Failure, Outcome, Refusal};
use karez_hbone::admission::Admission;
use karez_hbone::describe;
use karez_hbone::live::Dialled;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::LocalSet;

use crate::connection::hbone;
use crate::connection::inbound;
use crate::fixture::tunnel::{Client, echoes, is_reset, serve_echo};
use crate::fixture::{self, API, Node, WAIT_LIMIT, WEB, identity};
use crate::share::Share;
use crate::worker::SharedWorker;

/// The client `web` requests that port of `api`.
fn admission(port: u16) -> Admission {
    Admission {
        peer: Some(identity("web")),
        client: SocketAddr::from((WEB.1, 40_000)),
        target: SocketAddr::from((API.1, port)),
        host: None,
    }
}

async fn share(node: &Node, worker: &SharedWorker, pod: (&str, [u8; 4])) -> Rc<Share> {
    Rc::new(Share::new(node.pod(pod).await, Rc::clone(worker)))
}

async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

fn is_denied(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused(Refusal::DeniedByPolicy { .. }))
}

#[tokio::test]
async fn a_policy_that_comes_between_register_and_authorize_refuses_and_ends() {
    let node = Node::start();
    let worker = fixture::worker(&fixture::mesh::open());
    let pod = node.pod(API).await;
    let admission = admission(8080);
    let planned = inbound::plan(&worker, &pod, &admission).unwrap();
    let record = worker.telemetry.open(describe::arriving(&admission));
    let (registration, mut ending) = worker.live.register(&pod, record, Dialled::ByFar);
    registration.admitted_to(&pod, planned.connection.clone());
    assert!(poll_once(pin!(ending.reached())).await.is_pending());

    worker.follow(&fixture::mesh::closed());
    let decided = inbound::authorize(&worker, &pod, &planned);
    assert!(decided.is_err_and(|refusal| is_denied(&refusal.into())));
    assert!(is_denied(&ending.reached().await.into()));
}

#[tokio::test]
async fn a_policy_that_comes_while_the_application_is_dialled_refuses() {
    let worker = fixture::worker(&fixture::mesh::open());
    let mut node = Node::start();
    let share = share(&node, &worker, API).await;
    // Nobody supplies the socket for the dial.
    node.agent.stop().await;
    let admission = admission(8080);
    let mut joining = pin!(inbound::join(&share, &admission, pending()));
    assert!(poll_once(joining.as_mut()).await.is_pending());
    assert_eq!(worker.live.len(), 1, "it is registered");

    worker.follow(&fixture::mesh::closed());
    assert!(is_denied(&joining.await.unwrap_err()));
    assert_eq!(worker.live.len(), 0);
}

#[tokio::test]
async fn a_pod_that_is_not_known_yet_is_decided_about_when_it_is() {
    let node = Node::start();
    let worker = fixture::worker(&Arc::default());
    let share = share(&node, &worker, API).await;
    let application = TcpListener::bind((IpAddr::from(API.1), 0)).await.unwrap();
    let admission = admission(application.local_addr().unwrap().port());
    for (mesh, is_admitted) in [(fixture::mesh::closed(), false), (fixture::mesh::open(), true)] {
        worker.follow(&Arc::default());
        let mut joining = pin!(inbound::join(&share, &admission, pending()));
        assert!(poll_once(joining.as_mut()).await.is_pending());
        worker.follow(&mesh);
        match joining.await {
            Ok(_) => assert!(is_admitted),
            Err(outcome) => assert!(!is_admitted && is_denied(&outcome), "{outcome}"),
        }
    }
}

/// `api` on one worker, and a client.
struct Served {
    node: Node,
    api: Rc<Share>,
    hbone: SocketAddr,
    application: SocketAddr,
    client: Client,
}

impl Served {
    async fn start() -> Self {
        let node = Node::start();
        let worker = fixture::worker(&fixture::mesh::open());
        let api = share(&node, &worker, API).await;
        let (hbone, application) = (serve_tunnels(&api).await, serve_echo().await);
        let client = Client::of(&node).await;
        Self { node, api, hbone, application, client }
    }

    async fn connect(&self) -> Result<TcpStream, Outcome> {
        self.client.connect(self.hbone, self.application).await
    }
}

/// Accepts like a worker at 15008.
async fn serve_tunnels(share: &Rc<Share>) -> SocketAddr {
    let listener = TcpListener::bind((IpAddr::from(API.1), 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let share = Rc::clone(share);
    tokio::task::spawn_local(async move {
        loop {
            let (stream, peer) = listener.accept().await.unwrap();
            let permit = share.worker.handshakes.admit(peer.ip()).unwrap();
            tokio::task::spawn_local(hbone::serve(Rc::clone(&share), stream, permit));
            tokio::task::yield_now().await;
        }
    });
    address
}

async fn run(test: impl AsyncFnOnce(Served)) {
    let test = async { test(Served::start().await).await };
    tokio::time::timeout(WAIT_LIMIT, LocalSet::new().run_until(test)).await.unwrap();
}

#[tokio::test]
async fn a_connect_is_served_end_to_end_and_cut_when_a_policy_denies_it() {
    run(async |served| {
        let worker = &served.api.worker;
        let mut open = served.connect().await.unwrap();
        assert!(echoes(&mut open).await);
        assert_eq!(worker.live.len(), 1);

        worker.follow(&fixture::mesh::open());
        assert!(echoes(&mut open).await, "an equal policy changes nothing");
        worker.follow(&fixture::mesh::closed());
        assert!(is_reset(&mut open).await);
        assert_eq!(worker.live.len(), 0);

        let refused = served.connect().await.unwrap_err();
        assert!(matches!(refused, Outcome::Failed(Failure::ConnectAnswer { status: 401, .. })), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn a_pod_that_stops_keeps_what_is_open_and_ends_it_when_it_goes() {
    run(async |served| {
        let mut open = served.connect().await.unwrap();
        assert!(echoes(&mut open).await);
        served.api.pod.stop();
        assert!(echoes(&mut open).await);
        assert!(!served.api.pod.is_idle());
        served.api.pod.leave();
        assert!(is_reset(&mut open).await);
        drop(served.node);
    })
    .await;
}

/// A client that does not repeat a CONNECT would lose it.
#[tokio::test]
async fn a_connect_that_crosses_goaway_is_served_on_the_same_tunnel() {
    run(async |served| {
        let mut open = served.connect().await.unwrap();
        assert!(echoes(&mut open).await);
        let mut crossing = pin!(served.connect());
        assert!(poll_once(crossing.as_mut()).await.is_pending());
        served.api.pod.stop();
        assert!(echoes(&mut crossing.await.unwrap()).await);
        assert_eq!(served.client.tunnels(), 1, "it was sent again");
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_silent_clients_displaces_itself_alone() {
    run(async |served| {
        let slow = TcpSocket::new_v4().unwrap();
        slow.bind((IpAddr::from([127, 0, 0, 8]), 0).into()).unwrap();
        let slow = slow.connect(served.hbone).await.unwrap();
        let mut flood = Vec::new();
        for _ in 0..2 * fixture::HANDSHAKES {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind((IpAddr::from([127, 0, 0, 9]), 0).into()).unwrap();
            flood.push(socket.connect(served.hbone).await.unwrap());
        }
        assert_eq!(flood[0].read(&mut [0]).await.unwrap_or(0), 0, "the oldest gave way");
        assert!(echoes(&mut served.connect().await.unwrap()).await);
        assert_eq!(slow.try_read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock, "it may stay");
        assert!(served.api.worker.handshakes.unproven() <= fixture::HANDSHAKES);
    })
    .await;
}
