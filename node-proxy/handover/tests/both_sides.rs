//! Agent and node proxy on two threads with a runtime each, over real sockets with real descriptors.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use karez_handover::agent::{self, SharedRoster, Supply};
use karez_handover::channel::{Channel, Listener as Socket};
use karez_handover::listener::{Family, Listener, Listeners, Listening, Role, roles};
use karez_handover::message::{LARGEST_PACKET, PodState};
use karez_handover::node::{AgentConnection, PodEvent};
use karez_handover::pod::{EnrolledPod, NamespaceId, PodReference, PodUid};
use karez_handover::stock::{self, Refusal, SocketRequest, StockError};
use karez_handover::{Address, zds};

use karez_capture::sockets::Kind;

const SOON: Duration = Duration::from_secs(10);

fn pod(name: &str) -> EnrolledPod {
    let reference =
        PodReference { uid: PodUid::new(name).unwrap(), sandbox: NamespaceId { device: 4, inode: 9 } };
    EnrolledPod::new(reference, "shop", name, "default", vec!["10.0.0.1".parse().unwrap()]).unwrap()
}

/// Pipes instead of listeners, and their writers.
fn listeners() -> (Listeners, Vec<std::io::PipeWriter>) {
    let pipe = |kind| {
        let (reader, writer) = std::io::pipe().unwrap();
        let role = Role { kind, family: Family::V4 };
        (Listener { role, descriptor: Arc::new(reader.into()) }, writer)
    };
    let (listeners, writers): (Vec<_>, Vec<_>) = Listening::ALL.into_iter().map(pipe).unzip();
    (listeners.into(), writers)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, what).await.expect("it should not take so long")
}

fn address(directory: &Path) -> Address {
    Address::Path(directory.join("agent.sock"))
}

/// Runs the node proxy on a separate thread.
fn node<T: Send + 'static>(
    address: Address,
    work: impl AsyncFnOnce(AgentConnection) -> T + Send + 'static,
) -> std::thread::JoinHandle<T> {
    std::thread::spawn(move || {
        let agent = AgentConnection::new(address, None, "karez-node test".to_owned());
        runtime().block_on(soon(work(agent)))
    })
}

async fn added(agent: &mut AgentConnection) -> (Arc<EnrolledPod>, Listeners) {
    loop {
        if let PodEvent::Added(pod, listeners) = agent.next().await {
            return (pod, listeners);
        }
    }
}

#[test]
fn a_pod_comes_and_goes() {
    let directory = tempfile::tempdir().unwrap();
    let address = address(directory.path());
    let node = node(address.clone(), async |mut agent| {
        let mut seen = Vec::new();
        loop {
            match agent.next().await {
                PodEvent::Connected => seen.push("connected"),
                PodEvent::Added(pod, listeners) => {
                    seen.push("added");
                    // The descriptors are the agent's: bytes written there come out here.
                    for listener in listeners.iter() {
                        let mut text = String::new();
                        let duplicate = listener.descriptor.try_clone().unwrap();
                        std::fs::File::from(duplicate).read_to_string(&mut text).unwrap();
                        assert_eq!(text, format!("{:?}", listener.role.kind));
                    }
                    agent.strictness(&pod.reference, true);
                    agent.report(&pod.reference, PodState::Carrying);
                }
                PodEvent::Stopping(pod) => {
                    seen.push("stopping");
                    agent.report(&pod.reference, PodState::Released);
                }
                PodEvent::Resumed(pod) => panic!("{pod} was not to leave"),
                PodEvent::Removed(pod) => {
                    seen.push("removed");
                    agent.report(&pod.reference, PodState::Gone);
                }
                PodEvent::SnapshotSent => seen.push("snapshot"),
                PodEvent::Disconnected => return seen,
            }
        }
    });

    runtime().block_on(soon(async {
        let socket = Socket::bind(&address).unwrap();
        let channel = socket.accept(LARGEST_PACKET).await.unwrap();
        let roster = SharedRoster::default();
        let (listeners, writers) = listeners();
        for (mut writer, kind) in writers.into_iter().zip(Listening::ALL) {
            write!(writer, "{kind:?}").unwrap();
        }
        let web = pod("web").reference;
        let supply = Supply::Listeners { listeners: Arc::clone(&listeners), handed: false };
        roster.with(|roster| roster.offer(pod("web"), roles(&listeners), supply));
        let life = async {
            let carrying = |roster: &mut agent::Roster| {
                let strict = roster.offer_of(&web)?.strict?;
                let mut standings = roster.standings(&web);
                let carried = standings.any(|(program, standing)| {
                    program == "karez-node test" && *standing == agent::ProxyStanding::Carrying
                });
                carried.then_some(strict)
            };
            assert!(roster.wait(carrying).await);
            roster.with(|roster| roster.stop(&web));
            roster.wait(|roster| roster.is_released(&web).then_some(())).await;
            roster.with(|roster| roster.withdraw(&web));
            roster.wait(|roster| roster.is_gone(&web).then_some(())).await;
        };
        tokio::select! {
            result = agent::serve(channel, &roster, |_, _| Ok(())) => panic!("{result:?}"),
            () = life => {}
        }
        assert_eq!(roster.with(|roster| roster.programs().count()), 0, "dropping it leaves the roster");
    }));
    let seen = node.join().unwrap();
    assert_eq!(seen, ["connected", "added", "snapshot", "stopping", "removed"]);
}

/// The agent restarts and knows only its Pods: the node proxy must return the listeners.
#[test]
fn a_restarted_agent_gets_its_listeners_back() {
    let directory = tempfile::tempdir().unwrap();
    let address = address(directory.path());
    let node = node(address.clone(), async |mut agent| {
        let (pod, _listeners) = added(&mut agent).await;
        agent.report(&pod.reference, PodState::Carrying);
        loop {
            match agent.next().await {
                PodEvent::Removed(pod) => {
                    agent.report(&pod.reference, PodState::Gone);
                }
                event @ PodEvent::Added(..) => panic!("{event:?}"),
                PodEvent::Connected
                | PodEvent::SnapshotSent
                | PodEvent::Stopping(_)
                | PodEvent::Resumed(_) => {}
                // The first end is the restart, the second the test's.
                PodEvent::Disconnected => {
                    if std::fs::exists(agent_is_done(&agent)).unwrap() {
                        return;
                    }
                }
            }
        }
    });

    let (listeners, mut writers) = listeners();
    let expected = roles(&listeners);
    let web = pod("web").reference;
    let serve = |supply: Supply, last: bool| {
        let (address, expected, web) = (address.clone(), expected.clone(), web.clone());
        let done = directory.path().join("done");
        runtime().block_on(soon(async move {
            let socket = Socket::bind(&address).unwrap();
            let roster = SharedRoster::default();
            roster.with(|roster| roster.offer(pod("web"), expected, supply));
            let channel = socket.accept(LARGEST_PACKET).await.unwrap();
            let carried = async {
                let is_carried = |roster: &mut agent::Roster| {
                    let mut standings = roster.standings(&web);
                    standings.any(|(_, standing)| *standing == agent::ProxyStanding::Carrying).then_some(())
                };
                roster.wait(is_carried).await;
                if last {
                    // Before the connection ends, when the node proxy checks for it.
                    std::fs::write(done, "").unwrap();
                }
            };
            tokio::select! {
                result = agent::serve(channel, &roster, |_, _| Ok(())) => panic!("{result:?}"),
                () = carried => {}
            }
            roster.with(|roster| match &roster.offer_of(&web).unwrap().supply {
                Supply::Listeners { listeners, .. } => Arc::clone(listeners),
                supply => panic!("{supply:?}"),
            })
        }))
    };
    drop(serve(Supply::Listeners { listeners, handed: false }, false));
    let returned = serve(Supply::Sought, true);
    node.join().unwrap();

    writers[2].write_all(b"x").unwrap();
    let hbone = returned.iter().find(|listener| listener.role.kind == Listening::Hbone).unwrap();
    let mut byte = [0];
    std::fs::File::from(hbone.descriptor.try_clone().unwrap()).read_exact(&mut byte).unwrap();
    assert_eq!(&byte, b"x", "they are the same sockets");
}

/// The test's sign that the agent will not return.
fn agent_is_done(agent: &AgentConnection) -> std::path::PathBuf {
    match agent.address() {
        Address::Path(path) => path.with_file_name("done"),
        other @ Address::Abstract(_) => panic!("{other}"),
    }
}

struct Pipes;

impl stock::Source for Pipes {
    async fn open(&self, request: &SocketRequest) -> Result<Vec<OwnedFd>, Refusal> {
        match request.pod.uid.as_str() {
            "web" => Ok((0..request.count).map(|_| std::io::pipe().unwrap().0.into()).collect()),
            "short" => Ok(Vec::new()),
            _ => Err(Refusal::NotEnrolled),
        }
    }
}

async fn serve_stock(socket: &Socket) {
    let channel = socket.accept(LARGEST_PACKET).await.unwrap();
    stock::serve(&channel, &Pipes).await.unwrap();
}

/// Workers with a runtime each ask at once; one asks before the agent exists.
#[test]
fn workers_get_sockets() {
    let directory = tempfile::tempdir().unwrap();
    let agent = address(directory.path());
    let (stock, task) = stock::connect(&agent, None);
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let stock = stock.clone();
            std::thread::spawn(move || {
                runtime().block_on(soon(async {
                    for count in [1, 64, 3] {
                        let web = pod("web").reference;
                        let sockets = stock.request(&web, Kind::Outbound, Family::V4, count).await.unwrap();
                        assert_eq!(sockets.len(), count);
                    }
                    let other = pod("other").reference;
                    let refused = stock.request(&other, Kind::DnsReply, Family::V6, 1).await;
                    assert_eq!(refused.unwrap_err(), StockError::Refused(Refusal::NotEnrolled));
                    let short = stock.request(&pod("short").reference, Kind::Outbound, Family::V4, 1).await;
                    assert!(matches!(short, Err(StockError::Refused(Refusal::Failed(_)))), "{short:?}");
                    for count in [0, 65] {
                        let web = pod("web").reference;
                        let refused = stock.request(&web, Kind::Outbound, Family::V4, count).await;
                        assert_eq!(refused.unwrap_err(), StockError::Count);
                    }
                }));
            })
        })
        .collect();
    drop(stock);
    let server = std::thread::spawn(move || {
        runtime().block_on(soon(async {
            let socket = Socket::bind(&stock::address(&agent)).unwrap();
            serve_stock(&socket).await;
        }));
    });
    runtime().block_on(soon(task.run()));
    for worker in workers {
        worker.join().unwrap();
    }
    server.join().unwrap();
}

/// However often it is asked meanwhile.
#[test]
fn an_agent_that_never_answers_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let agent = address(directory.path());
    let (stock, task) = stock::connect(&agent, None);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let socket = Socket::bind(&stock::address(&agent)).unwrap();
        let asking = async {
            loop {
                let web = pod("web").reference;
                let asked = stock.request(&web, Kind::Application, Family::V4, 1);
                let _given_up = tokio::time::timeout(Duration::from_secs(1), asked).await;
            }
        };
        let hanging = async {
            let channel = socket.accept(LARGEST_PACKET).await.unwrap();
            while channel.receive().await.unwrap().is_some() {}
        };
        tokio::select! {
            () = asking => {}
            () = task.run() => {}
            ended = tokio::time::timeout(3 * SOON, hanging) => ended.unwrap(),
        }
    });
}

/// The agent dies with an open request, and its successor answers it.
#[test]
fn requests_outlive_the_agent() {
    let directory = tempfile::tempdir().unwrap();
    let agent = address(directory.path());
    let (stock, task) = stock::connect(&agent, None);
    runtime().block_on(soon(async {
        let socket = Socket::bind(&stock::address(&agent)).unwrap();
        let asked = async {
            let sockets = stock.request(&pod("web").reference, Kind::Application, Family::V4, 2).await;
            assert_eq!(sockets.unwrap().len(), 2);
            drop(stock);
        };
        let served = async {
            let dying = socket.accept(LARGEST_PACKET).await.unwrap();
            assert!(dying.receive().await.unwrap().is_some());
            drop(dying);
            serve_stock(&socket).await;
        };
        tokio::join!(asked, served, task.run());
    }));
}

#[tokio::test(start_paused = true)]
async fn without_an_agent_a_request_times_out() {
    let directory = tempfile::tempdir().unwrap();
    let (stock, task) = stock::connect(&address(directory.path()), None);
    let asked = async {
        let begin = tokio::time::Instant::now();
        let none = stock.request(&pod("web").reference, Kind::Outbound, Family::V4, 1).await;
        assert_eq!(none.unwrap_err(), StockError::TimedOut);
        assert_eq!(begin.elapsed(), stock::client::ANSWER_WITHIN);
    };
    tokio::select! {
        () = asked => {}
        () = task.run() => panic!("it ends with the last handle only"),
    }
}

#[tokio::test]
async fn somebody_elses_socket_is_not_the_agent() {
    let directory = tempfile::tempdir().unwrap();
    let address = address(directory.path());
    let _socket = Socket::bind(&address).unwrap();
    let channel = Channel::connect(&address, None, LARGEST_PACKET).unwrap();
    let own = channel.peer_uid().unwrap();
    assert!(channel.expect_uid(Some(own)).is_ok());
    let refused = channel.expect_uid(Some(own + 1)).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
}

/// An Istio proxy, written with the bytes of its protocol.
#[tokio::test]
async fn a_ztunnel_gets_namespaces() {
    let (ours, theirs) = karez_capture::seqpacket::Connection::pair().unwrap();
    let agent = Channel::new(ours, zds::message::LARGEST_PACKET).unwrap();
    let proxy = Channel::new(theirs, 1024).unwrap();
    let roster = SharedRoster::default();
    let (namespace, mut writer) = std::io::pipe().unwrap();
    let supply = Supply::Namespace(Arc::new(namespace.into()));
    roster.with(|roster| roster.offer(pod("web"), Vec::new(), supply));
    let say = async |bytes: &[u8]| {
        let packet = karez_handover::packet::Packet { bytes: bytes.to_vec(), descriptors: Vec::new() };
        proxy.send(&packet).await.unwrap();
    };
    let talk = async {
        say(b"\x08\x01").await;
        let add = proxy.receive().await.unwrap().unwrap();
        assert_eq!(add.bytes, b"\x0a\x1b\x0a\x03web\x12\x14\x0a\x03web\x12\x04shop\x1a\x07default");
        let [namespace] = add.descriptors.try_into().unwrap();
        writer.write_all(b"x").unwrap();
        let mut byte = [0];
        std::fs::File::from(Arc::into_inner(namespace).unwrap()).read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
        say(b"\x0a\x00").await;
        assert_eq!(proxy.receive().await.unwrap().unwrap().bytes, b"\x1a\x00");
        say(b"\x0a\x00").await;
        roster.with(|roster| roster.withdraw(&pod("web").reference));
        assert_eq!(proxy.receive().await.unwrap().unwrap().bytes, b"\x12\x05\x12\x03web");
        say(b"\x0a\x00").await;
        roster.wait(|roster| roster.is_gone(&pod("web").reference).then_some(())).await;
    };
    tokio::select! {
        result = zds::serve(agent, "ztunnel".to_owned(), &roster) => panic!("{result:?}"),
        () = soon(talk) => {}
    }
}
