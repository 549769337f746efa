//! The pool against servers in memory, with time that only the tests advance.

mod again;
mod leaving;

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use http::HeaderMap;
use karez_tunnel::Stream;
use karez_tunnel::client::{self, Connection, Driver};
use karez_tunnel::pool::{Limits, Pool, PoolError, Stats};
use karez_tunnel::server::Request;
use karez_tunnel::settings::Http2;
use tokio::io::{DuplexStream, duplex};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep};

use crate::endpoints::{Order, Server, account, authority, local};

type Key = &'static str;
type Connected = Result<Stream, PoolError<&'static str>>;

/// A pool and its servers.
#[derive(Clone)]
struct World {
    pool: Pool<Key, &'static str>,
    settings: Http2,
    dials: Rc<Cell<usize>>,
    failing: Rc<Cell<bool>>,
    /// Servers send GOAWAY at once.
    leaving: Rc<Cell<bool>>,
    answer: Rc<Cell<Answer>>,
    servers: Rc<RefCell<Vec<tokio::sync::mpsc::UnboundedSender<Order>>>>,
}

/// A server's answer to a CONNECT.
#[derive(Clone, Copy, Default)]
enum Answer {
    #[default]
    Accept,
    SendElsewhere,
    Nothing,
}

/// How long a dial takes.
const DIAL: Duration = Duration::from_millis(100);

impl World {
    fn new(limits: Limits, streams: u32) -> Self {
        let spawn = |task| drop(spawn_local(task));
        Self {
            pool: Pool::new(limits, spawn),
            settings: Http2 { streams, ..Http2::client() },
            dials: Rc::default(),
            failing: Rc::default(),
            leaving: Rc::default(),
            answer: Rc::default(),
            servers: Rc::default(),
        }
    }

    async fn dial(self) -> Result<(Connection, Driver<DuplexStream>), &'static str> {
        self.dials.set(self.dials.get() + 1);
        sleep(DIAL).await;
        if self.failing.get() {
            return Err("no route");
        }
        let (near, far) = duplex(64 * 1024);
        let mut server = Server::spawn(far, Http2::server(), account());
        self.servers.borrow_mut().push(server.orders.clone());
        let answer = self.answer.clone();
        spawn_local(async move {
            while let Some(request) = server.requests.recv().await {
                spawn_local(serve(request, answer.get()));
            }
        });
        let (connection, mut driver) =
            client::handshake(near, &self.settings, &account()).await.map_err(|_| "handshake")?;
        if self.leaving.get() {
            self.servers.borrow().last().unwrap().send(Order::ShutDown).unwrap();
            while connection.is_usable() {
                poll_fn(|cx| Poll::Ready(Pin::new(&mut driver).poll(cx).is_ready())).await;
                settle().await;
            }
        }
        Ok((connection, driver))
    }

    async fn connect(&self, key: Key) -> Connected {
        let dial = || self.clone().dial();
        self.pool.connect(&key, &authority(), &HeaderMap::new(), dial).await
    }

    /// Opens `count` streams at once.
    async fn connect_many(&self, key: Key, count: usize) -> Vec<Connected> {
        join(self.spawn_connects(key, count)).await
    }

    fn spawn_connects(&self, key: Key, count: usize) -> Vec<JoinHandle<Connected>> {
        let connect = |world: Self| async move { world.connect(key).await };
        (0..count).map(|_| spawn_local(connect(self.clone()))).collect()
    }

    fn order(&self, server: usize, order: Order) {
        self.servers.borrow()[server].send(order).unwrap();
    }
}

async fn join(connects: Vec<JoinHandle<Connected>>) -> Vec<Connected> {
    let mut connected = Vec::new();
    for connect in connects {
        connected.push(connect.await.unwrap());
    }
    connected
}

/// Holds an accepted stream until the client has ended it.
async fn serve(mut request: Request, answer: Answer) {
    match answer {
        Answer::SendElsewhere => request.send_elsewhere(),
        Answer::Nothing => drop(request.abandoned().await),
        Answer::Accept => {
            let (mut reader, mut writer) = request.accept().unwrap().split();
            while let Ok(Some(_)) = reader.data().await {}
            writer.finish().ok();
        }
    }
}

/// Runs everything that can run without time passing.
async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn one_dial_serves_all_who_wait() {
    local(async {
        let world = World::new(Limits::default(), 100);
        let begun = Instant::now();
        let streams = world.connect_many("a", 50).await;
        assert!(streams.iter().all(Result::is_ok));
        assert_eq!(world.dials.get(), 1);
        assert_eq!(begun.elapsed().as_millis(), DIAL.as_millis());
        assert_eq!(world.pool.stats(), Stats { keys: 1, connections: 1, streams: 50 });
        drop(world.connect("a").await.unwrap());
        world.connect("b").await.unwrap();
        assert_eq!(world.dials.get(), 2, "another key is another connection");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shared_by_those_who_waited_and_by_nobody_else() {
    local(async {
        let world = World::new(Limits::default(), 100);
        let other = spawn_local({
            let world = world.clone();
            async move {
                // Begun later, so that it ends when dials succeed again.
                sleep(DIAL / 2).await;
                world.connect("b").await
            }
        });
        world.failing.set(true);
        let failed = world.connect_many("a", 10).await;
        assert!(failed.iter().all(|result| matches!(result, Err(PoolError::Dial("no route")))));
        assert_eq!(world.dials.get(), 2, "one for each key");
        world.failing.set(false);
        other.await.unwrap().unwrap();
        world.connect("a").await.unwrap();
        assert_eq!(world.dials.get(), 3, "a failure is not remembered");
        world.failing.set(true);
        world.connect("c").await.unwrap_err();
        assert_eq!(world.pool.stats().keys, 2, "and leaves nothing behind");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_started_the_dial_may_go_away() {
    local(async {
        let world = World::new(Limits::default(), 100);
        let first = spawn_local({
            let world = world.clone();
            async move { world.connect("a").await }
        });
        settle().await;
        let second = world.connect("a");
        first.abort();
        second.await.unwrap();
        assert_eq!(world.dials.get(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_full_connection_gets_a_sibling_up_to_the_bound() {
    local(async {
        let limits = Limits { connections: 3, ..Limits::default() };
        let world = World::new(limits, 10);
        let streams = world.connect_many("a", 31).await;
        let (open, full): (Vec<_>, Vec<_>) = streams.into_iter().partition(Result::is_ok);
        assert_eq!((open.len(), full.len()), (30, 1));
        assert!(matches!(full[0], Err(PoolError::Full)));
        assert_eq!(world.dials.get(), 3);
        assert_eq!(world.pool.stats(), Stats { keys: 1, connections: 3, streams: 30 });

        drop(open);
        settle().await;
        let again = world.connect_many("a", 10).await;
        assert!(again.iter().all(Result::is_ok));
        assert_eq!(world.dials.get(), 3, "places are used again");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_surplus_retires_within_seconds_and_the_last_within_a_minute() {
    local(async {
        let world = World::new(Limits::default(), 10);
        let mut streams = world.connect_many("a", 30).await;
        assert_eq!(world.pool.stats().connections, 3);
        // One stream keeps its connection; the other two have none.
        streams.truncate(1);
        sleep(Duration::from_secs(4)).await;
        assert_eq!(world.pool.stats(), Stats { keys: 1, connections: 1, streams: 1 });
        streams.clear();
        sleep(Duration::from_secs(55)).await;
        assert_eq!(world.pool.stats().connections, 1);
        sleep(Duration::from_secs(6)).await;
        assert_eq!(world.pool.stats(), Stats::default());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn when_all_are_idle_one_stays() {
    local(async {
        let world = World::new(Limits::default(), 10);
        drop(world.connect_many("a", 30).await);
        sleep(Duration::from_secs(10)).await;
        assert_eq!(world.pool.stats().connections, 1);
        // In constant use it never retires.
        for _ in 0..10 {
            sleep(Duration::from_secs(20)).await;
            drop(world.connect("a").await.unwrap());
        }
        assert_eq!(world.dials.get(), 3);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_long_silent_is_probed() {
    local(async {
        let world = World::new(Limits::default(), 100);
        drop(world.connect("a").await.unwrap());
        sleep(Duration::from_secs(30)).await;
        drop(world.connect("a").await.unwrap());
        assert_eq!(world.dials.get(), 1, "it answered");

        sleep(Duration::from_secs(30)).await;
        world.order(0, Order::Vanish);
        settle().await;
        let begun = Instant::now();
        let streams = world.connect_many("a", 5).await;
        assert!(streams.iter().all(Result::is_ok));
        assert_eq!(world.dials.get(), 2, "it did not");
        assert!(begun.elapsed() < Duration::from_secs(2), "bounded: {:?}", begun.elapsed());
        assert_eq!(world.pool.stats().connections, 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn closing_a_key_cuts_its_streams_and_gives_up_its_dial() {
    local(async {
        let world = World::new(Limits::default(), 100);
        let (doomed, spared) = (world.connect("a").await.unwrap(), world.connect("b").await.unwrap());
        let dialling = spawn_local({
            let world = world.clone();
            async move { world.connect("a2").await }
        });
        settle().await;
        world.pool.close(|key| key.starts_with('a'));
        assert!(matches!(dialling.await.unwrap(), Err(PoolError::Closed)));
        assert!(doomed.split().0.data().await.is_err());
        let (mut reader, mut writer) = spared.split();
        writer.finish().unwrap();
        assert!(reader.data().await.unwrap().is_none());
        assert_eq!(world.pool.stats().keys, 1);
        world.connect("a").await.unwrap();
        assert_eq!(world.dials.get(), 4);
    })
    .await;
}
